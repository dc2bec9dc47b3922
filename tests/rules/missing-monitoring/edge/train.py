print('offline')
