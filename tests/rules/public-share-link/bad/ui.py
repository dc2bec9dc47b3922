import gradio as gr

demo = gr.Interface(fn=len, inputs="text", outputs="number")
demo.launch(share=True)
