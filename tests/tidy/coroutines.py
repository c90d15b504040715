"""Forms that g++ 12.2 compiles wrongly, without a warning, in a full-expression with co_await; and coroutines that are lambdas."""
from cpp import Source

_CONTROL = {"if", "for", "while", "switch"}


def full_expression(source, at):
    """(first, last, keyword): the tokens of the expression around the co_await at `at`, and the if, while, for or switch it heads."""
    first = at
    while True:
        parent = source.parent[first]
        opener = source.text(parent) if parent >= 0 else ""
        if opener in ("(", "["):
            word = source.text(parent - 1)
            if word == "constexpr":
                word = source.text(parent - 2)
            if word in _CONTROL:
                return parent + 1, source.match[parent] - 1, word
            first = parent
        elif opener == "{" and source.kind(parent) == "braces":
            first = parent
        else:
            break
    start = source.statement_start(first)
    end = first
    while end + 1 < len(source.tokens) and source.text(end) != ";":
        closer = source.match.get(end, -1)
        end = closer + 1 if closer > end else end + 1
        if source.text(end) == "}" and source.match.get(end, end) <= start:
            break
    return start, end, ""


def _lambda_around(source, at):
    parent = source.parent[at]
    while parent >= 0:
        if source.text(parent) == "{":
            kind = source.kind(parent)
            if kind == "lambda":
                return True
            if kind == "function":
                return False
        parent = source.parent[parent]
    return False


def check(text):
    """[(line, what)]"""
    source = Source(text)
    found = set()
    for at, token in enumerate(source.tokens):
        if token.kind != "word" or token.text not in ("co_await", "co_return", "co_yield"):
            continue
        if _lambda_around(source, at):
            found.add((token.line, "a coroutine is a named function, never a lambda"))
        if token.text != "co_await":
            continue
        first, last, keyword = full_expression(source, at)
        if keyword == "switch":
            found.add((token.line, "switch (co_await ...): name the value first"))
        i = first
        while i <= last:
            text_at = source.text(i)
            if source.tokens[i].kind == "sign":
                if text_at == "?":
                    found.add((token.line, "?: in an expression with co_await: use if"))
                elif text_at == "{" and source.kind(i) == "braces":
                    found.add((token.line, "braces (an aggregate or a list) in an expression with co_await: name the value first"))
                elif text_at == "{" and source.kind(i) == "lambda":
                    i = source.match.get(i, i)
                elif text_at == "[" and source.is_lambda_intro(i) and source.text(i + 1) != "]":
                    found.add((token.line, "a lambda with captures in an expression with co_await: name it first"))
            i += 1
    return sorted(found)
