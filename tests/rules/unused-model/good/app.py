from safetensors.torch import load_file

weights = load_file("models/ticket_ranker.safetensors")
