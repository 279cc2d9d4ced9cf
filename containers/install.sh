#!/bin/sh
# In a bare Debian 12, whose Python is 3.11: what the workflow needs of the system, then its environment from
# requirements.lock, in this repository's folder. Dockerfile and vipann.def run it.
set -eu
cd "$(dirname "$0")/.."
apt-get update -qq
# ffmpeg reads m4a and webm; git tells the commit; fontconfig gives notebooks' figures their fonts.
apt-get install -y -qq --no-install-recommends ca-certificates ffmpeg fontconfig git make python3 python3-venv
rm -rf /var/lib/apt/lists/*
make .venv/.ready
