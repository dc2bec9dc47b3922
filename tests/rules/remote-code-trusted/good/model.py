from transformers import AutoModelForCausalLM


def load():
    return AutoModelForCausalLM.from_pretrained(
        "mistralai/Mistral-7B-v0.1",
        revision="27d67f1b5f57dc0953326b2601d68371d40ea8da",
        trust_remote_code=False,
    )
