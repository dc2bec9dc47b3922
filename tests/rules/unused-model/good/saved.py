import tensorflow as tf

model = tf.saved_model.load("exported/ranker")
