GREETING = "Welcome to the help desk"

print(GREETING)
