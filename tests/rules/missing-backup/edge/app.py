print('no state')
