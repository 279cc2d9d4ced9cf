#!/usr/bin/env bash
# A real Slurm on this machine alone: one node with two GPUs that are no GPUs, on loopback.
#   cluster.sh install        the packages, by apt
#   cluster.sh start FOLDER   starts munged, slurmctld and slurmd; prints what to set in the environment
#   cluster.sh stop FOLDER    stops them, jobs first, and removes the folder
# All state lies in FOLDER, of which every parent must be open to all (munge asks for it), and which
# is short (its socket's path has 107 characters at most). /etc is not touched.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export PATH=$PATH:/usr/sbin:/sbin

install_packages() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge >/dev/null
}

configure() {
  local base=$1 i
  mkdir -p "$base"/{etc,run,log,state,spool,munge,dev,bin}
  chmod 755 "$base"
  chmod 700 "$base/munge"
  (umask 077 && head -c 1024 /dev/urandom >"$base/munge/munge.key")
  for i in 0 1; do ln -sfn /dev/null "$base/dev/gpu$i"; done
  echo "Name=gpu Type=fake File=$base/dev/gpu[0-1]" >"$base/etc/gres.conf"
  sed -e "s|@BASE@|$base|g; s|@HOST@|$(hostname -s)|g; s|@USER@|$(id -un)|g" \
    -e "s|@CPUS@|${CPUS:-8}|g" \
    -e "s|@CTLD_PORT@|${CTLD_PORT:-16817}|g; s|@SLURMD_PORT@|${SLURMD_PORT:-16818}|g" \
    "$here/slurm.conf.in" >"$base/etc/slurm.conf"
  # The executor plugin's inner srun starts without SLURM_CONF.
  printf '#!/bin/sh\nSLURM_CONF=%q exec %q "$@"\n' \
    "$base/etc/slurm.conf" "$(command -v srun)" >"$base/bin/srun"
  chmod +x "$base/bin/srun"
}

start() {
  local base=$1
  configure "$base"
  munged --key-file="$base/munge/munge.key" --seed-file="$base/munge/seed" \
    --socket="$base/run/munge.socket" --pid-file="$base/run/munged.pid" \
    --log-file="$base/log/munged.log"
  export SLURM_CONF=$base/etc/slurm.conf
  slurmctld -i -f "$SLURM_CONF"
  slurmd -f "$SLURM_CONF"
  local deadline=$((SECONDS + 30))
  while ((SECONDS < deadline)); do
    if [[ $(timeout 2 sinfo -h -p cpu -o %T 2>/dev/null) == idle ]]; then
      echo "export SLURM_CONF=$SLURM_CONF PATH=$base/bin:\$PATH"
      return
    fi
    sleep 0.1
  done
  sinfo -R >&2 || true
  tail -n 20 "$base"/log/*.log >&2
  exit 1
}

stop() {
  local base=$1 daemon pid i
  export SLURM_CONF=$base/etc/slurm.conf
  timeout 10 scancel --user="$(id -un)" 2>/dev/null || true
  local deadline=$((SECONDS + 25))
  while ((SECONDS < deadline)); do
    [[ -z $(timeout 2 squeue -h -t running,completing 2>/dev/null) ]] && break
    sleep 0.1
  done
  for daemon in slurmd slurmctld munged; do
    pid=$(cat "$base/run/$daemon.pid" 2>/dev/null) || continue
    kill "$pid" 2>/dev/null || continue
    for ((i = 0; i < 100; i++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
  done
  rm -rf "$base"
}

case "${1:-} ${2:+folder}" in
  "install ") install_packages ;;
  "start folder") start "$2" ;;
  "stop folder") stop "$2" ;;
  *)
    sed -n '2,8s/^# //p' "$0" >&2
    exit 2
    ;;
esac
