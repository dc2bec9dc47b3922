import gradio as gr

demo = gr.Interface(fn=len, inputs="text", outputs="number")
demo.launch(share=False, auth=load_users())
