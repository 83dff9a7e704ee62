{
  'targets': [{
    'target_name': 'nothing',
    'type': 'none',
    'variables': { 'ran': '<!(echo ran >gyp-ran && echo 1)' }
  }]
}
