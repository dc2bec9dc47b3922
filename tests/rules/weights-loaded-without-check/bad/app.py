import onnxruntime

session = onnxruntime.InferenceSession("models/classifier.onnx")
