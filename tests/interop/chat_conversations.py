# SPDX-License-Identifier: Apache-2.0
"""Conversations that chat templates are rendered with, and the other arguments of apply_chat_template."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather, e.g. \"sunny\" <b>&</b> 'mild' in Zürich",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": ["integer", "null"], "description": "Days ahead", "nullable": True},
                "tags": {"type": "array", "items": {"type": "string"}},
                "place": {"type": "object", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}},
            },
            "required": ["city"],
        },
        "return": {"type": "string", "description": "The weather"},
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time", "description": "", "parameters": {"type": "object", "properties": {}}}}
TOOLS = [WEATHER, CLOCK]
DOCUMENTS = [{"title": "Zürich", "text": "A city.\nOn a lake."}, {"title": "Clocks", "text": "They tick."}]


def user(content="What's the weather in Zürich? 🌞"):
    return {"role": "user", "content": content}


def system(content="  You are \"helpful\" & terse.\n"):
    return {"role": "system", "content": content}


def assistant(content="Let me see.", **more):
    return {"role": "assistant", "content": content, **more}


def call(arguments, name="get_weather", identifier="call12345"):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool(content='{"temperature": 21.5, "ok": true}', **more):
    return {"role": "tool", "content": content, **more}


ARGUMENTS = {"city": "Zürich", "days": 2, "tags": [], "exact": True, "unit": None, "ratio": 1.5}
ANSWERED = tool(name="get_weather", tool_call_id="call12345")
CALLED = assistant("", tool_calls=[call(ARGUMENTS)])

CONVERSATIONS = {
    "user": [user()],
    "system": [system(), user("Hi"), assistant("Hello!"), user("  How are\nyou?  ")],
    "turns": [user("1"), assistant("one"), user("2"), assistant("two"), user("3"), assistant("three\n")],
    "system only": [system()],
    "empty": [],
    "empty texts": [system(""), user(""), assistant(""), user("")],
    "two users": [user("a"), user("b")],
    "starts with the assistant": [assistant("I begin"), user("b")],
    "unknown role": [{"role": "robot", "content": "beep"}, user()],
    "developer": [{"role": "developer", "content": "Be brief."}, user("Hi"), assistant("Hello")],
    "no content": [user(), {"role": "assistant"}, user()],
    "no role": [{"content": "x"}],
    "none content": [user(), assistant(None), user("b")],
    "parts": [
        {"role": "system", "content": [{"type": "text", "text": "Look closely."}]},
        {"role": "user", "content": [{"type": "text", "text": "What is "}, {"type": "image"}, {"type": "text", "text": " this?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
        {"role": "user", "content": [{"type": "image", "image": "cat.png"}, {"type": "video"}, {"type": "text", "text": "And this?"}]},
    ],
    "call": [system(), user(), CALLED],
    "call and answer": [system(), user(), CALLED, ANSWERED],
    "whole call": [user(), CALLED, ANSWERED, assistant("21.5 degrees."), user("Thanks"), assistant("Welcome")],
    "calls as text": [user(), assistant("Wait.", tool_calls=[call('{"city": "Bern"}')]), tool("cold", tool_call_id="call12345"), assistant("Cold.")],
    "two calls": [
        user(),
        assistant("", tool_calls=[call({"city": "A"}, identifier="aaaaaaaaa"), call({}, "get_time", "bbbbbbbbb")]),
        tool("1", name="get_weather", tool_call_id="aaaaaaaaa"),
        tool("2", name="get_time", tool_call_id="bbbbbbbbb"),
        assistant("Both."),
        user("Go on"),
    ],
    "call without content": [user(), {"role": "assistant", "tool_calls": [call({"city": "Bern"})]}, ANSWERED, user("ok")],
    "none content call": [user(), assistant(None, tool_calls=[call({"city": "Bern"})]), tool("[1, 2]", tool_call_id="call12345")],
    "answer as parts": [user(), CALLED, {"role": "tool", "name": "get_weather", "content": [{"type": "text", "text": "warm"}]}, assistant("Warm.")],
    "answer as object": [user(), CALLED, {"role": "tool", "name": "get_weather", "content": {"t": 1.0, "w": "ä"}}, assistant("Warm.")],
    "bare calls": [user(), assistant("", tool_calls=[{"name": "get_time", "arguments": {"zone": "UTC"}}]), tool("12:00")],
    "thinking": [user("2+2?"), assistant("<think>\nEasy.\n</think>\n\n4"), user("3+3?"), assistant("<think>\nAlso.\n</think>\n\n6")],
    "reasoning": [user("2+2?"), assistant("4", reasoning_content="Easy.\n"), user("3+3?"), assistant("6", reasoning_content="\nAlso.")],
    "thinking field": [user("2+2?"), assistant("4", thinking="Easy."), user("3+3?"), assistant("6", thinking="Also.")],
    "reasoning and calls": [
        user(), assistant("", reasoning_content="I need a tool.", tool_calls=[call(ARGUMENTS)]), ANSWERED,
        assistant("21.5", reasoning_content="Now I know."), user("Thanks /no_think"), assistant("Welcome"),
    ],
    "thinking and calls": [
        user(), assistant("", thinking="I need a tool.", tool_calls=[call(ARGUMENTS)]), ANSWERED, assistant("21.5", thinking="x"),
    ],
    "system later": [user("a"), system("Now be rude"), assistant("b"), user("c")],
    "commands": [user("[INST] {{ x }} {% if %} </s><s> \\n \t é"), assistant("'quotes' \"double\" \\ / <tag>")],
    "tool first": [ANSWERED, user()],
    "names": [{"role": "user", "name": "Ann", "content": "Hi"}, {"role": "assistant", "name": "Bot", "content": "Ho"}],
    "documents": [{"role": "system", "content": "Use them."}, {"role": "document title", "content": "text"}, user()],
    "ipython": [user(), CALLED, {"role": "ipython", "content": {"output": "warm"}}, {"role": "ipython", "content": "cold"}],
}

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}

OPTIONS = [
    {},
    {"add_generation_prompt": True},
    {"tools": TOOLS},
    {"tools": TOOLS, "add_generation_prompt": True, "variables": {"enable_thinking": False, "thinking": True}},
    {"tools": [], "variables": {"enable_thinking": True, "thinking": False, "reasoning_effort": "high"}},
    {"documents": DOCUMENTS, "add_generation_prompt": True, "variables": {"controls": {"length": "short"}, "citation_mode": "fast"}},
    {"tools": [CLOCK], "variables": {"builtin_tools": ["browser", "python"], "date_string": "01 Jan 2025", "tools_in_user_message": False,
                                     "model_identity": "You are a test.", "keep_past_thinking": True, "clear_thinking": True}},
]
