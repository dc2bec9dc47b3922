"""A page for the agent."""

import gradio as gr


def answer(question):
    return question


page = gr.Interface(answer, "text", "text")
page.launch(share=True)
