"""C++ as a list of tokens, good enough to judge style: comments, strings and preprocessor lines are gone, braces are matched and
classified. Not a parser: what it can't tell it must leave alone, and selftest.py holds the forms that it must tell."""
import re
from dataclasses import dataclass

_TOKEN = re.compile(r"""
    (?P<space>\s+)
  | (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<raw>(?:u8|[uUL])?R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)")
  | (?P<string>(?:u8|[uUL])?"(?:\\.|[^"\\\n])*")
  | (?P<number>\.?\d(?:'?[\w.]|[eEpP][+-])*)
  | (?P<char>(?:u8|[uUL])?'(?:\\.|[^'\\\n])+')
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>->|::|<<=|>>=|<=>|&&|\|\||[-+*/%&|^=!<>]=|<<|\+\+|--|.)
""", re.VERBOSE | re.DOTALL)


@dataclass
class Token:
    kind: str
    text: str
    line: int


def tokens(text):
    # A preprocessor line with its continuations goes; its newlines stay, so that lines keep their numbers.
    text = re.sub(r"(?m)^[ \t]*#(?:[^\n\\]|\\\n|\\[^\n])*", lambda found: "\n" * found.group().count("\n"), text)
    out, line = [], 1
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup if found.lastgroup != "delimiter" else "raw"
        if kind not in ("space", "comment"):
            out.append(Token("string" if kind in ("raw", "char") else kind, found.group(), line))
        line += found.group().count("\n")
    return out


CLOSERS = {")": "(", "]": "[", "}": "{"}
# After these a brace opens a block of statements.
_BLOCK_WORDS = {"else", "do", "try", "const", "noexcept", "override", "final", "mutable", "volatile"}
_SCOPE_WORDS = {"namespace", "class", "struct", "union", "enum", "extern"}
_CONTROL_WORDS = {"if", "for", "while", "switch", "catch"}


class Source:
    """Tokens with matched brackets. kind(i) of a '{': scope, function, lambda, block or braces (an initializer)."""

    def __init__(self, text):
        self.tokens = tokens(text)
        self.match = {}
        stack = []
        for i, token in enumerate(self.tokens):
            if token.kind != "sign":
                continue
            if token.text in "([{":
                stack.append(i)
            elif token.text in CLOSERS:
                while stack and self.tokens[stack[-1]].text != CLOSERS[token.text]:
                    stack.pop()
                if stack:
                    opener = stack.pop()
                    self.match[opener], self.match[i] = i, opener
        self.parent = self._parents()
        self._kinds = {}

    def _parents(self):
        parents, stack = [], [-1]
        for i, token in enumerate(self.tokens):
            if token.kind == "sign" and token.text in CLOSERS and i in self.match and stack[-1] == self.match[i]:
                stack.pop()
            parents.append(stack[-1])
            if token.kind == "sign" and token.text in ("(", "[", "{") and i in self.match:
                stack.append(i)
        return parents

    def text(self, i):
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ""

    def is_lambda_intro(self, i):
        """Is the '[' at i the start of a lambda?"""
        if self.text(i) != "[" or self.text(i + 1) == "[" or self.text(i - 1) == "[":
            return False
        before = self.tokens[i - 1] if i else None
        if before is None:
            return True
        if before.kind == "word":
            return before.text in ("return", "co_return", "co_await", "co_yield", "case", "else")
        if before.kind in ("string", "number") or before.text in (")", "]"):
            return False
        end = self.match.get(i)
        # "auto& [a, b] = ..." and "int x[3]" are none: a body or parameters must follow.
        return end is not None and self.text(end + 1) in ("(", "{", "->", "mutable", "noexcept", "<") and \
            not (before.text in ("&", "&&", "*") and self.text(end + 1) not in ("(", "{"))

    def _lambda_of(self, i):
        """The intro of the lambda whose body opens at i, or None."""
        at = i - 1
        depth_steps = 0
        while at >= 0 and depth_steps < 60:
            depth_steps += 1
            text = self.text(at)
            if text == "]":
                intro = self.match.get(at)
                return intro if intro is not None and self.is_lambda_intro(intro) else None
            if text in (";", "{", "}", "="):
                return None
            at = self.match[at] - 1 if text == ")" and at in self.match else at - 1
        return None

    def kind(self, i):
        if i not in self._kinds:
            self._kinds[i] = self._classify(i)
        return self._kinds[i]

    def _classify(self, i):
        if self._lambda_of(i) is not None:
            return "lambda"
        before = self.text(i - 1)
        start = self.statement_start(i)
        words = {token.text for token in self.tokens[start:i] if token.kind == "word"}
        head = self.tokens[start:i]
        parent = self.parent[i]
        inside_parens = parent >= 0 and self.text(parent) in ("(", "[")
        if not inside_parens and words & _SCOPE_WORDS and "(" not in [t.text for t in head] and before not in ("=", ",", "return"):
            return "scope"
        if before == "}" and not inside_parens and self.kind(self.match.get(i - 1, i - 1)) == "braces":
            return "function"  # a constructor whose last initializer has braces: "X() : a_{1} {"
        if before in ("", ";", "{", "}", ":") and not inside_parens:
            return "block" if before != "{" or self.kind(i - 1) != "braces" else "braces"
        if before in _BLOCK_WORDS or before == ")":
            if inside_parens:
                return "braces"
            opener = self.match.get(i - 1) if before == ")" else None
            keyword = self.text(opener - 1) if opener is not None else ""
            if keyword == "constexpr" or keyword in _CONTROL_WORDS:
                return "block"
            if before in ("else", "do", "try") or before == ")" and self.in_function(i):
                return "block" if before != ")" or keyword in _CONTROL_WORDS else self._macro_block(opener)
            return "function"
        if "->" in [t.text for t in head] and not self.in_function(i) and "=" not in [t.text for t in head]:
            return "function"
        if before == ">" and not self.in_function(i) and "(" in [t.text for t in head] and "=" not in [t.text for t in head]:
            return "function"
        return "braces"

    def _macro_block(self, opener):
        # "BOOST_TEST_CONTEXT(...) {" inside a function: a macro in capitals opens a block.
        name = self.text(opener - 1) if opener else ""
        return "block" if name.isupper() or name in _CONTROL_WORDS else "braces"

    def in_function(self, i):
        at = self.parent[i]
        while at >= 0:
            if self.text(at) == "{" and self.kind(at) in ("function", "lambda"):
                return True
            at = self.parent[at]
        return False

    def statement_start(self, i):
        """The first token of the statement that holds token i, within its bracket."""
        at = i - 1
        while at >= 0 and at != self.parent[i]:
            text = self.text(at)
            if text == ";" or text == "}" and self.kind(self.match.get(at, at)) in ("block", "function", "scope"):
                return at + 1
            at = self.match[at] - 1 if text in CLOSERS and at in self.match else at - 1
        return at + 1
