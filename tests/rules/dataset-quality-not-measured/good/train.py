import pandas
from sklearn.linear_model import LogisticRegression

rows = pandas.read_csv("data/tickets.csv")
model = LogisticRegression()
model.fit(rows[["length", "words"]], rows["urgent"])
