"""A chat page."""

import streamlit as st
from openai import OpenAI

client = OpenAI()
question = st.text_input("Question")
messages = [{"role": "user", "content": question}]
completion = client.chat.completions.create(model="gpt-4o-2024-08-06", messages=messages)
st.markdown(completion.choices[0].message.content, unsafe_allow_html=True)
