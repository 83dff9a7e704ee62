# Node's own has the compiler's options; nothing is compiled here.
{ 'variables': {}, 'target_defaults': {} }
