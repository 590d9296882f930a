#!/usr/bin/env python3
"""A stand-in for a language model: OpenAI's API of chat completions, answered by rules.

The same request gets the same answer, so that an evaluation with a chat task and model-graded scorers
runs anywhere, without a key and without cost. Needs no packages. Either on its own:

  python3 examples/programs/model_server.py --port 8088

or around a command, which finds it in OPENAI_BASE_URL and whose exit code it passes on:

  python3 examples/programs/model_server.py tidegate eval examples/qa.toml
"""

import argparse
import http.server
import json
import os
import re
import subprocess
import sys
import threading

# Words of a question, and what the "model" believes. Not all of it is right.
BELIEFS = [
    ("capital france", "Paris"), ("capital japan", "Tokyo"), ("capital australia", "Sydney"),
    ("capital canada", "Ottawa"), ("capital brazil", "Brasília"), ("capital kenya", "Nairobi"),
    ("capital egypt", "Cairo"), ("capital norway", "Oslo"), ("largest ocean", "The Pacific Ocean"),
    ("largest planet", "Jupiter"), ("nearest star earth", "The Sun"), ("chemical symbol gold", "Au"),
    ("chemical symbol iron", "Fe"), ("boil water celsius", "100 degrees"), ("legs spider", "8"),
    ("author hamlet", "William Shakespeare in 1600"), ("painter mona lisa", "Leonardo"),
    ("seven times eight", "56"), ("square root 81", "9"), ("first person moon", "Neil Armstrong"),
    ("language brazil", "Portuguese"), ("currency japan", "The yen"), ("longest river africa", "The Nile"),
    ("hardest natural", "Diamond"),
]
MOST_BYTES = 1 << 20


def words(text):
    """Words without those that carry no fact."""
    found = re.findall(r"\w+", text.lower())
    return {word for word in found if word not in {"the", "a", "an", "is", "in", "of", "degrees"}}


def believed(question):
    known = words(question)
    for needed, answer in BELIEFS:
        if set(needed.split()) <= known:
            return answer
    return "I do not know."


def part(prompt, name):
    found = re.search(rf"<{name}>\n(.*?)\n</{name}>", prompt, re.DOTALL)
    return found.group(1) if found else ""


def judged(prompt, choices):
    """A choice and the reason, by comparing words."""
    if "<reference_answer>" in prompt:
        wanted, given = words(part(prompt, "reference_answer")), words(part(prompt, "submitted_answer"))
        if given == wanted:
            return "C", "Both state the same."
        if given < wanted:
            return "A", f"It leaves out {sorted(wanted - given)}."
        if wanted < given:
            return "B", f"It adds {sorted(given - wanted)}."
        return "D", f"{sorted(given)} is not {sorted(wanted)}."
    if "<criterion>" in prompt:
        limit = re.search(r"at most (\d+) words", part(prompt, "criterion"))
        count = len(part(prompt, "reply").split())
        if limit and "know" not in part(prompt, "reply"):
            kept = count <= int(limit.group(1))
            return "Y" if kept else "N", f"It has {count} words."
        return "N", "It gives no answer."
    return choices[0], "No rule for this question."


def completion(request):
    prompt = request["messages"][-1]["content"]
    if request.get("tools"):
        function = request["tools"][0]["function"]
        choices = function["parameters"]["properties"]["choice"]["enum"]
        choice, reasons = judged(prompt, choices)
        arguments = json.dumps({"reasons": reasons, "choice": choice})
        call = {"id": "call", "type": "function",
                "function": {"name": function["name"], "arguments": arguments}}
        message, answered = {"role": "assistant", "content": None, "tool_calls": [call]}, arguments
    else:
        answered = believed(prompt)
        message = {"role": "assistant", "content": answered}
    # About four characters a token, as with real models.
    tokens = [sum(len(m["content"] or "") for m in request["messages"]) // 4, len(answered) // 4 + 1]
    return {
        "object": "chat.completion",
        "model": request.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
    }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        if length > MOST_BYTES:
            self.close_connection = True
            return self.answer(413, {"error": {"message": "the request is too large"}})
        body = self.rfile.read(length)
        if self.path != "/v1/chat/completions":
            return self.answer(404, {"error": {"message": f"there is no {self.path} here"}})
        try:
            self.answer(200, completion(json.loads(body)))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            self.answer(400, {"error": {"message": f"not a chat completion: {error!r}"}})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        # One write for head and body: two would wait for each other's acknowledgement.
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self._headers_buffer.append(b"\r\n" + body)
        self.flush_headers()

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description="OpenAI's chat completions, answered by rules.")
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="runs with OPENAI_BASE_URL set")
    arguments = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    url = f"http://127.0.0.1:{server.server_port}/v1"
    if not arguments.command:
        print(f"OPENAI_BASE_URL={url}", flush=True)
        return server.serve_forever()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        ended = subprocess.run(arguments.command, env=dict(os.environ, OPENAI_BASE_URL=url))
    except OSError as error:
        sys.exit(f"cannot start {arguments.command[0]}: {error}")
    # What a signal has ended, as a shell reports it.
    sys.exit(ended.returncode if ended.returncode >= 0 else 128 - ended.returncode)


try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
