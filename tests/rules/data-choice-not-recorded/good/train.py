from sklearn.linear_model import LogisticRegression

model = LogisticRegression()
model.fit([[1], [2]], [0, 1])
