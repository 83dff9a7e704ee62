{
  'targets': [{
    'target_name': 'native',
    'type': 'none',
    'copies': [{ 'destination': '<(PRODUCT_DIR)', 'files': ['native.txt'] }]
  }]
}
