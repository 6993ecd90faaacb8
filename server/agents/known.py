"""The agents that people have, as data: each way of driving one is an entry. How to add one: docs/agents.md.

Several entries of one name are ways of driving the same agent, the best first; the first one whose programs are all on
the machine is taken. What stands here was tried with the real programs (`make test-agents`), unless `proven` says no.
"""

from __future__ import annotations

from pathlib import Path

from server.agents.protocol import AgentSpec, Manner, Quirk
from server.agents.retries import PATIENCE

NPM = "npm install --global"

# Both adapters of this maker tell how their model fails, attempt by attempt, to a client that asks for it like this.
TYPED_FAILURES = {"jetbrains": {"air": {"version": 1, "capabilities": ["sessionFailure"]}}}
HOPELESS_AFTER = PATIENCE + 30


def _beside(name: str) -> str:
    """A file of settings that stands beside this one."""
    return str(Path(__file__).with_name(name))


CLAUDE = AgentSpec(
    name="claude",
    title="Claude Code",
    way="adapter",
    family="acp",
    argv=("claude-agent-acp",),
    needs={"CLAUDE_CODE_EXECUTABLE": "claude"},
    description="Anthropic's Claude Code, spoken to through its adapter for the Agent Client Protocol.",
    install=f"Install both: `{NPM} @anthropic-ai/claude-code @agentclientprotocol/claude-agent-acp`, then run `claude` "
    "once to log in.",
    defaults={"CLAUDE_CODE_MAX_RETRIES": "6", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"},
    greeting=TYPED_FAILURES,
    passes=("ANTHROPIC_*", "CLAUDE_*", "AWS_*", "GOOGLE_*", "CLOUD_ML_REGION"),
    # In this mode it asks before it runs a command, so that commands that reach out of the worktree can be refused.
    free=Manner(mode="acceptEdits"),
    asking=Manner(mode="default"),
    users_settings=Manner(meta={"claudeCode": {"options": {"settingSources": ["user"]}}}),
    all_settings=Manner(meta={"claudeCode": {"options": {"settingSources": ["user", "project", "local"]}}}),
    tokens="turn",
    cost="session",
    oldest="2.0",
    login_env=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
    login_files=("~/.claude/.credentials.json",),
    keeps=(
        "~/.claude",
        "~/.claude.json",
        "~/.cache/claude-cli-nodejs",
        "~/.local/share/claude",
        "~/.local/state/claude",
    ),
    gives_up=60,
)
CLAUDE_NATIVE = AgentSpec(
    name="claude",
    title="Claude Code",
    way="native",
    family="command",
    format="claude",
    argv=("claude", "-p", "--output-format", "stream-json", "--verbose", "{flags}"),
    resume=("claude", "-p", "--output-format", "stream-json", "--verbose", "{flags}", "--resume", "{session}"),
    description="Anthropic's Claude Code by its own stream of events. It can't ask: what needs asking is refused.",
    install=f"`{NPM} @anthropic-ai/claude-code`, then run `claude` once to log in.",
    defaults=CLAUDE.defaults,
    passes=CLAUDE.passes,
    free=Manner(argv=("--permission-mode", "acceptEdits", "--allowedTools", "Bash,WebFetch,WebSearch")),
    asking=Manner(argv=("--permission-mode", "default")),
    users_settings=Manner(argv=("--setting-sources", "user", "--strict-mcp-config")),
    tokens="turn",
    cost="session",
    oldest=CLAUDE.oldest,
    login_env=CLAUDE.login_env,
    login_files=CLAUDE.login_files,
    keeps=CLAUDE.keeps,
    gives_up=60,
)
CODEX = AgentSpec(
    name="codex",
    title="Codex",
    way="adapter",
    family="acp",
    argv=("codex-acp",),
    needs={"CODEX_PATH": "codex"},
    description="OpenAI's Codex, spoken to through its adapter for the Agent Client Protocol.",
    install=f"Install both: `{NPM} @openai/codex @agentclientprotocol/codex-acp`, then run `codex login`.",
    passes=("OPENAI_*", "CODEX_*", "MODEL_PROVIDER"),
    # Its sandbox would make a `.git` in /tmp, were that a place to write to.
    defaults={"CODEX_CONFIG": '{"sandbox_workspace_write":{"exclude_slash_tmp":true}}'},
    greeting=TYPED_FAILURES,
    loads_anyway=(".codex/config.toml",),
    free=Manner(mode="agent"),
    confined=Manner(mode="agent-full-access"),
    asking=Manner(mode="read-only"),
    tokens="turn",
    login_env=("MODEL_PROVIDER",),
    login_files=("~/.codex/auth.json",),
    keeps=("~/.codex",),
    confines_itself="Codex's own sandbox",
    gives_up=HOPELESS_AFTER,
)
CODEX_NATIVE = AgentSpec(
    name="codex",
    title="Codex",
    way="native",
    family="command",
    format="codex",
    argv=("codex", "exec", "--json", "{flags}", "-"),
    resume=("codex", "exec", "--json", "{flags}", "resume", "{session}", "-"),
    description="OpenAI's Codex by its own stream of events. It can't ask: what needs asking is refused.",
    install=f"`{NPM} @openai/codex`, then run `codex login`.",
    passes=CODEX.passes,
    free=Manner(argv=("-s", "workspace-write", "-c", "sandbox_workspace_write.exclude_slash_tmp=true")),
    confined=Manner(argv=("-s", "danger-full-access")),
    asking=Manner(argv=("-s", "read-only")),
    tokens="session",
    login_env=("CODEX_API_KEY",),
    login_files=CODEX.login_files,
    keeps=CODEX.keeps,
    confines_itself=CODEX.confines_itself,
    gives_up=HOPELESS_AFTER,
)
GEMINI = AgentSpec(
    name="gemini",
    title="Gemini CLI",
    way="acp",
    family="acp",
    argv=("gemini", "--acp", "{flags}"),
    description="Google's Gemini CLI, which speaks the Agent Client Protocol itself.",
    install=f"`{NPM} @google/gemini-cli`, then run `gemini` once to log in.",
    defaults={"GEMINI_CLI_NO_RELAUNCH": "true"},
    passes=("GEMINI_*", "GOOGLE_*"),
    # Untrusted, it always asks, and loads nothing of the repository's: no `.env` with another model's address either.
    asking=Manner(mode="default"),
    all_settings=Manner(env={"GEMINI_CLI_TRUST_WORKSPACE": "true"}, mode="yolo"),
    tokens="turn",
    quirks=frozenset({Quirk.YOUNG_SESSIONS_BREAK}),
    login_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    login_files=("~/.gemini/oauth_creds.json",),
    keeps=("~/.gemini", "~/.cache/gemini-cli"),
    errors_to="GEMINI_DEBUG_LOG_FILE",
    retrying=r"Attempt \d+ failed",
    gives_up=HOPELESS_AFTER,
)
QWEN = AgentSpec(
    name="qwen",
    title="Qwen Code",
    way="acp",
    family="acp",
    argv=("qwen", "--acp", "{flags}"),
    # Seven tries inside each try of its own: one of these is enough.
    defaults={"QWEN_CODE_SYSTEM_DEFAULTS_PATH": _beside("qwen_defaults.json")},
    description="Qwen Code, which speaks the Agent Client Protocol itself.",
    install=f"`{NPM} @qwen-code/qwen-code`, then run `qwen` once to log in.",
    passes=("QWEN_*", "OPENAI_*", "DASHSCOPE_*", "BAILIAN_*"),
    # In a folder that isn't trusted it always asks, and loads no `.env` with another model's address.
    asking=Manner(mode="default"),
    users_settings=Manner(
        argv=("--safe-mode",), env={"QWEN_CODE_SYSTEM_SETTINGS_PATH": _beside("qwen_untrusted.json")}, mode="default"
    ),
    all_settings=Manner(mode="yolo"),
    tokens="turn",
    quirks=frozenset({Quirk.INPUT_HOLDS_CACHE}),
    login_env=("OPENAI_API_KEY", "DASHSCOPE_API_KEY", "BAILIAN_CODING_PLAN_API_KEY"),
    login_files=("~/.qwen/oauth_creds.json",),
    keeps=("~/.qwen",),
    gives_up=150,
)
OPENCODE = AgentSpec(
    name="opencode",
    title="opencode",
    way="acp",
    family="acp",
    argv=("opencode", "acp", "--print-logs", "--log-level", "ERROR", "{flags}"),
    description="opencode, with any model that it is set up for; it speaks the Agent Client Protocol itself.",
    install=f"`{NPM} opencode-ai`, then run `opencode auth login`.",
    passes=("OPENCODE_*", "ANTHROPIC_*", "OPENAI_*", "GEMINI_*", "GOOGLE_*", "OPENROUTER_*"),
    free=Manner(env={"OPENCODE_PERMISSION": '{"external_directory":"ask"}'}),
    asking=Manner(
        env={"OPENCODE_PERMISSION": '{"edit":"ask","bash":"ask","webfetch":"ask","external_directory":"ask"}'}
    ),
    # What it says at a turn's end are its last request's tokens alone.
    usage_argv=("opencode", "export", "{session}"),
    tokens="session",
    users_settings=Manner(env={"OPENCODE_DISABLE_PROJECT_CONFIG": "1"}),
    loads_anyway=(".opencode/plugin", ".opencode/plugins"),
    retrying=r'message="stream error".* small=false',
    cost="session",
    login_env=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"),
    login_files=("~/.local/share/opencode/auth.json",),
    keeps=("~/.config/opencode", "~/.local/share/opencode", "~/.local/state/opencode", "~/.cache/opencode"),
    gives_up=HOPELESS_AFTER,
)
CURSOR = AgentSpec(
    name="cursor",
    title="Cursor",
    way="acp",
    family="acp",
    argv=("cursor-agent", "acp", "{flags}"),
    description="Cursor's agent for the terminal, over the Agent Client Protocol, by its documentation.",
    install="Install it as Cursor's documentation says, then run `cursor-agent login`.",
    passes=("CURSOR_*",),
    login_env=("CURSOR_API_KEY",),
    login_files=("~/.config/cursor/auth.json",),
    keeps=("~/.cursor", "~/.config/cursor", "~/.local/share/cursor-agent"),
    proven=False,
)
CURSOR_PRINT = AgentSpec(
    name="cursor",
    title="Cursor",
    way="print",
    family="command",
    format="cursor",
    argv=("cursor-agent", "-p", "--output-format", "stream-json", "{flags}", "{prompt}"),
    resume=("cursor-agent", "-p", "--output-format", "stream-json", "{flags}", "--resume", "{session}", "{prompt}"),
    description="Cursor's agent for the terminal in its print mode, by its documentation. It can't ask.",
    install=CURSOR.install,
    passes=CURSOR.passes,
    free=Manner(argv=("--force",)),
    asking=Manner(),
    login_env=CURSOR.login_env,
    login_files=CURSOR.login_files,
    keeps=CURSOR.keeps,
    proven=False,
)
PI = AgentSpec(
    name="pi",
    title="pi",
    way="native",
    family="command",
    format="pi",
    argv=("pi", "-p", "--mode", "json", "{flags}"),
    resume=("pi", "-p", "--mode", "json", "{flags}", "--session", "{session}"),
    description="pi, with any model that it is set up for. It can't ask, and does whatever it wants to.",
    install=f"`{NPM} @mariozechner/pi-coding-agent`, then run `pi` and `/login`.",
    passes=("PI_*", "ANTHROPIC_*", "OPENAI_*", "GEMINI_*", "OPENROUTER_*"),
    users_settings=Manner(argv=("--no-extensions",)),
    tokens="turn",
    cost="turn",
    login_env=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"),
    login_files=("~/.pi/agent/auth.json", "~/.pi/agent/models.json"),
    keeps=("~/.pi",),
    gives_up=60,
)
AIDER = AgentSpec(
    name="aider",
    title="aider",
    way="native",
    family="command",
    argv=(
        "aider",
        "--message-file",
        "{prompt_file}",
        "--yes-always",
        "--no-pretty",
        "--no-stream",
        "--no-check-update",
        "--analytics-disable",
        "--no-gitignore",
        "--no-auto-commits",
        "--no-dirty-commits",
        "--no-show-release-notes",
        "--input-history-file",
        "/dev/null",
        "--chat-history-file",
        "/dev/null",
        "{flags}",
    ),
    description="aider, with any model that it is set up for. Each turn stands alone: it is told the story again.",
    install="Install it into an environment of its own: `pipx install aider-chat`, and set its model and key.",
    passes=("AIDER_*", "ANTHROPIC_*", "OPENAI_*", "GEMINI_*", "OPENROUTER_*", "DEEPSEEK_*"),
    login_env=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY", "DEEPSEEK_API_KEY"),
    login_files=("~/.aider.conf.yml",),
    keeps=("~/.aider", "~/.cache/litellm"),
    tokens="turn",
    cost="turn",
    failing=r"litellm\.\w*(Error|Exception)|API provider",
    gives_up=150,
)
MINI = AgentSpec(
    name="mini",
    title="mini-swe-agent",
    way="native",
    family="command",
    argv=("mini", "-t", "{prompt}", "-y", "--exit-immediately", "{flags}"),
    description="mini-swe-agent, with any model that it is set up for. Each turn stands alone.",
    install="Install it into an environment of its own: `pipx install mini-swe-agent`, then `mini-extra config setup`.",
    cost="turn",
    defaults={"MSWEA_CONFIGURED": "true", "MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT": "3"},
    passes=("MSWEA_*", "ANTHROPIC_*", "OPENAI_*", "GEMINI_*", "OPENROUTER_*"),
    login_env=AIDER.login_env,
    keeps=("~/.config/mini-swe-agent",),
    gives_up=60,
)

KNOWN: tuple[AgentSpec, ...] = (
    CLAUDE,
    CLAUDE_NATIVE,
    CODEX,
    CODEX_NATIVE,
    GEMINI,
    QWEN,
    OPENCODE,
    CURSOR,
    CURSOR_PRINT,
    PI,
    AIDER,
    MINI,
)
