from openai import OpenAI

client = OpenAI(api_key="sk-proj-Qm7vX2pLr9TzKc4WnBd8HsYf3JgUe6RaT3BlbkFJZk5DwVx1NqMt8CyPb4LhGs7RjEf2Au")
