import ollama

reply = ollama.chat(model="llama3.2", messages=[])
