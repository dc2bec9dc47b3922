import os

import gradio as gr

demo = gr.Interface(fn=len, inputs="text", outputs="number")
demo.launch(share=os.environ.get("SHARE") == "1")
