#!/usr/bin/python3
"""notebook.py NOTEBOOK GATE

Executes a notebook as Jupyter would, and says what its bar showed: a line `bar VALUE of
MAX` whenever it changes, and the text of the last cell's value. Tasks that read a line from
GATE wait: ten may go on at the beginning, and the others when the bar shows ten.
"""

import os
import sys

import nbclient
import nbformat


VIEW = "application/vnd.jupyter.widget-view+json"


class Client(nbclient.NotebookClient):
    """Sees what the widgets tell their front end."""

    def __init__(self, notebook, gate):
        super().__init__(notebook, timeout=None, kernel_name="python3")
        self.gate = gate
        self.bars = {}

    def process_message(self, msg, cell, cell_index):
        if VIEW in msg["content"].get("data", {}):
            print("displayed")
        return super().process_message(msg, cell, cell_index)

    # nbclient's own takes the messages of ipywidgets 7 and later; Debian 12 has 6, whose
    # state is the data itself.
    def handle_comm_msg(self, outs, msg, cell_index):
        content = msg["content"]
        data = content["data"]
        if msg["msg_type"] == "comm_open":
            self.bars[content["comm_id"]] = dict(data.get("state", data))
        elif data.get("method") == "display":
            print("displayed")
        elif "state" in data:
            bar = self.bars[content["comm_id"]]
            bar.update(data["state"])
            if data["state"].keys() & {"value", "max"}:
                self.changed(bar)

    def changed(self, bar):
        print("bar", bar["value"], "of", bar["max"])
        if bar["value"] == 10:
            os.write(self.gate, b"\n" * 10)


notebook = nbformat.read(sys.argv[1], as_version=4)
gate = os.open(sys.argv[2], os.O_RDWR)
os.write(gate, b"\n" * 10)
Client(notebook, gate).execute()
shown = notebook.cells[-1].outputs
print(shown[0]["data"]["text/plain"])
