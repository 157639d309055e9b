"""What the Comfy registry's scan looks for, as authors of flagged packs report it, in patterns of our own.

Any finding keeps a version from being offered, whatever it means: the scan goes by text, in every file of the archive,
Python's rules on JavaScript and prose, too.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

RULES = {
    "python_network_operations": r"\burllib\.(request|error)|\burlopen\b|\burlretrieve\b|\brequests\.\w+\(|\bhttp\.client\b"
    r"|\bsocket\.\w+\(|\.(connect|bind|send|sendall|recv|listen|accept)\s*\(|aiohttp\.Client|\bimport (requests|httpx|socket)\b"
    r"|\b(ftplib|smtplib|paramiko|telnetlib)\b",
    "python_command_injection_risk": r"\bsubprocess\b|\bos\.(system|popen|exec[lv]\w*|spawn\w*|startfile|fork)\b|\bpty\.spawn"
    r"|\bshell\s*=\s*True|\bchild_process\b",
    "python_environment_manipulation": r"\bos\.(environ|getenv|putenv|unsetenv)|\bimport environ\b|\bprocess\.env\b",
    "python_bytecode_manipulation": r"(?<![\w.])compile\s*\(|\bmarshal\b|\bCodeType\b|\bsys\.modules\b|\b__code__\b|\bpy_compile\b",
    "python_dynamic_import": r"\bimport_module\b|\b__import__\b|\bexec_module\b|\bspec_from_\w+|\bimportlib\.reload\b|\brunpy\b",
    "python_dynamic_execution": r"(?<!\w)(eval|exec)\s*\(|\bnew Function\s*\(|\bexecfile\b",
    "python_unsafe_deserialization": r"(?i:pickle)|\bdill\b|\bjoblib\b|\bshelve\b|\byaml\.(load|unsafe_load)\(|weights_only\s*=\s*False",
    "contains_rm_rf": r"\brmtree\b|\brm\s+-\w*[rf]\w*[rf]|\bremovedirs\b",
    "python_privilege_escalation": r"(?<![\w-])(sudo|doas|pkexec|runas)(?![\w-])|\bsetuid\b",
    "python_sensitive_file_access": r"/etc/(passwd|shadow)|\bid_rsa\b|\.ssh/|\.aws/|\bkeyring\b",
    "windows_process_manipulation": r"\bctypes\b|\bkernel32\b|\bwinreg\b|\bpowershell\b",
    "contains_blacklisted_url": r"raw\.githubusercontent\.com|\bpastebin\.com|\bdiscord(app)?\.com/api/webhooks|\bngrok\b",
    "credential_access": r"\bHF_TOKEN\b|\bhf_[A-Za-z0-9]{30}|\bauth_token\b|\bapi_key\b",
    "SUSP_SVG_Onload_Onerror": r"<svg[^>]*\bon(load|error)\s*=",
}

LONG_BASE64 = r"[A-Za-z0-9+/]{300,}={0,2}"
LONG_LINE = 3000  # characters; a source file that has one was packed by a tool
BINARIES = (".wasm", ".so", ".dll", ".dylib", ".exe", ".pyc", ".pyd", ".bin")
VENDOR = "web/vendor/"

PLANTED = {
    "python_network_operations": [
        "import urllib.request",
        "urlopen(x)",
        "r = requests.get(u)",
        "s.connect((h, 80))",
        "f.bind(this)",
        "entry.send();",
        "session = aiohttp.ClientSession()",
        "import socket",
    ],
    "python_command_injection_risk": [
        "import subprocess",
        'os.system("ls")',
        "os.popen(x)",
        "run(x, shell=True)",
    ],
    "python_environment_manipulation": ['os.environ["A"] = "b"', "os.environ.get('A')", "os.getenv('A')"],
    "python_bytecode_manipulation": [
        "code = compile(text, 'x', 'exec')",
        "import marshal",
        "sys.modules[name] = m",
    ],
    "python_dynamic_import": [
        "importlib.import_module(name)",
        '__import__("os")',
        "spec.loader.exec_module(m)",
    ],
    "python_dynamic_execution": [
        "eval(text)",
        "exec(code)",
        "model.eval()",
        "const m = /x/.exec(text);",
        "new Function('x')",
    ],
    "python_unsafe_deserialization": ["import pickle", "allow_pickle=False", "UnPickle it", "yaml.load(x)"],
    "contains_rm_rf": ["shutil.rmtree(path)", "rm -rf /tmp/x"],
    "python_privilege_escalation": ["sudo apt install x"],
    "python_sensitive_file_access": ["open('/etc/passwd')"],
    "windows_process_manipulation": ["import ctypes"],
    "contains_blacklisted_url": ["https://raw.githubusercontent.com/a/b"],
    "credential_access": ["HF_TOKEN"],
    "SUSP_SVG_Onload_Onerror": ['<svg width="1" onload="x()">'],
}


def archive_files(root: Path) -> list[str]:
    """Return what `comfy node publish` packs: git's files without those that ``.comfyignore`` names."""

    def listed(*options: str) -> set[str]:
        done = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", *options], check=True, capture_output=True
        )
        return set(done.stdout.decode().split("\0")) - {""}

    left_out = listed("-c", "-i", "--exclude-from=.comfyignore")
    return sorted(name for name in listed("-c") - left_out if (root / name).is_file())


def findings(name: str, content: bytes) -> list[str]:
    """Return what the rules find in a file, one line each."""
    text = content.decode("latin-1")
    rules = {} if name.startswith(VENDOR) else RULES
    found = [
        f"{rule}: {name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0][:80]!r}"
        for rule, pattern in rules.items()
        for match in re.finditer(pattern, text)
    ]
    if b"\0" in content:  # pictures and arrays hold all kinds of runs
        return found
    return found + [
        f"long base64: {name}: {len(match[0])} characters" for match in re.finditer(LONG_BASE64, text)
    ]


def unknown_bundles(files: dict[str, bytes]) -> list[str]:
    """Return bundled or packed files that the list of libraries does not name with their SHA-256 and license."""
    listed = json.loads(files[f"{VENDOR}libraries.json"])
    known = {VENDOR + one["file"]: one for one in listed}
    wanted = {"library", "version", "source", "license", "license_file", "sha256"}
    unknown = [
        f"{name}: incomplete" for name, one in known.items() if not all(one.get(key) for key in wanted)
    ]
    for name, content in files.items():
        is_bundle = name.startswith(VENDOR) and not name.endswith(("README.md", "libraries.json"))
        is_code = name.endswith((".js", ".mjs", ".css", ".py", ".html"))
        is_packed = is_code and max(map(len, content.split(b"\n")), default=0) > LONG_LINE
        if not (is_bundle or is_packed or name.endswith(BINARIES)):
            continue
        one = known.get(name)
        if one is None or one["sha256"] != hashlib.sha256(content).hexdigest():
            unknown.append(f"{name}: {'not listed' if one is None else 'not as listed'}")
    return unknown
