//! What a test that still runs has to say.
