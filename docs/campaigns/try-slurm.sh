#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A Slurm cluster of this machine alone, on loopback, for as long as it takes to run an array of two parts of a blind campaign; merged they have
# the findings of one process. Needs slurmctld, slurmd and slurm-client (Debian: apt-get install slurmctld slurmd slurm-client), and root.
#
#     sh docs/campaigns/try-slurm.sh [EVENTS]
set -eu
kvmodel="node $(cd "$(dirname "$0")/../.." && pwd)/bin/kvmodel.mjs"
events=${1:-20000}
target="revert-f210f7572bed --only lapic.6,lapic.9,lapic.15,pick.1,lag.1 --seed 1 --blind"
dir=$(mktemp -d)
cd "$dir"
mkdir state spool
host=$(hostname -s)
cat > slurm.conf <<CONF
ClusterName=kvmodel
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF="$dir/slurm.conf"
slurmctld -D -f slurm.conf > ctld.out 2>&1 &
controller=$!
slurmd -D -f slurm.conf > d.out 2>&1 &
daemon=$!
trap 'kill $daemon $controller 2> /dev/null; wait 2> /dev/null || true' EXIT

waits=0
until sinfo -h -o %T 2> /dev/null | grep -q idle; do
  waits=$((waits + 1))
  [ "$waits" -lt 60 ] || { echo "the node does not come up: $dir/*.log" >&2; exit 2; }
  sleep 1
done
sbatch --wait --array=0-1 --ntasks=1 --output=part-%a.txt --wrap "
  $kvmodel fuzz $target --events $events --jobs 1 --corpus $dir/shard-\$SLURM_ARRAY_TASK_ID || [ \$? -eq 1 ]"
$kvmodel merge shard-0 shard-1 -o merged > /dev/null
$kvmodel fuzz $target --events "$events" --jobs 1 --corpus one > one.txt || [ $? -eq 1 ]

causes() { for f in "$1"/findings/*.json; do basename "$f"; done | sort; }
if [ "$(causes merged)" = "$(causes one)" ]; then
  echo "two parts by Slurm and one process: the same $(causes one | grep -c .) findings"
  rm -r "$dir"
else
  echo "they differ: $dir/merged and $dir/one" >&2
  exit 1
fi
