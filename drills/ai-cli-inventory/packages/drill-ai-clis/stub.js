#!/usr/bin/env node
// Stands for an AI command line, and does nothing.
