from app import ask

print(ask('2 + 2'))
