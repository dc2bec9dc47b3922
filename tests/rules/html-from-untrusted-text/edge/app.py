"""Only a constant is shown as HTML; the answer is shown as Markdown without HTML."""

import streamlit as st
from openai import OpenAI

client = OpenAI()
st.markdown("<style>footer {display: none}</style>", unsafe_allow_html=True)
messages = [{"role": "user", "content": st.text_input("Question")}]
completion = client.chat.completions.create(model="gpt-4o-2024-08-06", messages=messages)
st.markdown(completion.choices[0].message.content)
