import { SHELL_LIBRARY } from './supervise.ts';

/*
 * Each script runs in the service's folder and prints lines of words. Values come as variables.
 * They look before they act, so that one may be repeated after a crash.
 */

const LOOK = `${SHELL_LIBRARY}
mkdir -p "$DIR" && cd "$DIR" || exit 1
umask 077
is_instance() { [ -f "instances/$1/supervisor" ]; }
id_of() { read -r sup_pid sup_since < "instances/$1/supervisor" && echo "$sup_pid:$sup_since"; }
runs() {
  [ -f "instances/$1/state" ] && read -r r_pid r_since r_rest < "instances/$1/state" && alive "$r_pid" "$r_since" && return 0
  [ -f "instances/$1/supervisor" ] && read -r r_pid r_since < "instances/$1/supervisor" && alive "$r_pid" "$r_since"
}
named() {
  for folder in instances/*/; do
    name=$(basename "$folder")
    if is_instance "$name" && [ "$(id_of "$name")" = "$1" ]; then echo "$name"; return 0; fi
  done
  return 1
}
describe() { echo "instance $1 $(id_of "$1") $(cat "instances/$1/meta")"; }
serving() { [ -f proxy/target ] && cut -d' ' -f2 proxy/target; }
launch() { # exec: a shell in between would keep our output open
  (
    set -- env -i HOME="$HOME" PATH="$PATH" USER="$(id -un)" LANG="\${LANG:-C.UTF-8}" sh "$(pwd)/supervise.sh" "$1"
    if command -v setsid >/dev/null 2>&1; then exec setsid "$@"; else exec "$@"; fi
  ) </dev/null >/dev/null 2>&1 &
}
wait_for() { # file, tenths of a second
  tries=0
  while [ ! -s "$1" ]; do
    tries=$((tries + 1)); [ "$tries" -gt "$2" ] && return 1
    sleep 0.05
  done
}
end_of() { # instance folder, seconds between TERM and KILL
  : > "$1/stop"
  sup_pid= sup_since= pid= pid_since=
  [ -f "$1/supervisor" ] && read -r sup_pid sup_since < "$1/supervisor"
  [ -f "$1/state" ] && read -r pid pid_since rest < "$1/state"
  alive "$pid" "$pid_since" && signal_group TERM "$pid"
  tries=0 limit=$(($2 * 20))
  while alive "$pid" "$pid_since" || alive "$sup_pid" "$sup_since"; do
    tries=$((tries + 1))
    if [ "$tries" -gt "$limit" ]; then
      [ -f "$1/state" ] && read -r pid pid_since rest < "$1/state"
      alive "$pid" "$pid_since" && signal_group KILL "$pid"
      alive "$sup_pid" "$sup_since" && kill -KILL "$sup_pid" 2>/dev/null
    fi
    [ "$tries" -gt $((limit + 100)) ] && return 1
    sleep 0.05
  done
  return 0
}
`;

/** What takes the traffic now. */
export const CURRENT = `${LOOK}
name=$(serving)
[ -n "$name" ] && is_instance "$name" && describe "$name"
exit 0
`;

/** A running instance of DIGEST with the variables ENV_SHA. */
export const FIND = `${LOOK}
for folder in instances/*/; do
  name=$(basename "$folder")
  is_instance "$name" && runs "$name" || continue
  [ -e "instances/$name/stop" ] && continue
  case "$(cat "instances/$name/meta")" in "$DIGEST $ENV_SHA "*) describe "$name" ;; esac
done
exit 0
`;

export const INSPECT = `${LOOK}
name=$(named "$ID") || { echo "gone"; exit 0; }
[ -f "instances/$name/state" ] || { echo "gone"; exit 0; }
read -r pid pid_since started restarts code < "instances/$name/state"
if alive "$pid" "$pid_since"; then running=yes; else running=no; fi
echo "facts $running $started $restarts $code"
`;

/** The last LINES of an instance's log. */
export const LOGS = `${LOOK}
name=$(named "$ID") || exit 0
tail -n "$LINES" "instances/$name/log" 2>/dev/null
exit 0
`;

export const SPACE = `${LOOK}
df -Pk . | tail -n 1 | awk '{print "free", $4}'
pwd
`;

/** Whether the release folder RELEASE is there and whole. */
export const HAS_RELEASE = `${LOOK}
if [ -f "releases/$RELEASE/digest" ]; then echo "digest $(cat "releases/$RELEASE/digest")"; fi
exit 0
`;

/** incoming/RELEASE.tar.gz becomes releases/RELEASE, visible only when whole. */
export const UNPACK = `${LOOK}
mkdir -p releases
# Compared, not only there: after a power cut the file may be empty.
if [ "$(cat "releases/$RELEASE/digest" 2>/dev/null)" != "$DIGEST" ]; then
  rm -rf "releases/.$RELEASE" "releases/$RELEASE"
  mkdir -p "releases/.$RELEASE/files"
  (umask 022; tar xzf "incoming/$RELEASE.tar.gz" -C "releases/.$RELEASE/files") || exit 1
  printf '%s\\n' "$DIGEST" | put "releases/.$RELEASE/digest" || exit 1
  mv "releases/.$RELEASE" "releases/$RELEASE" || exit 1
fi
rm -f "incoming/$RELEASE.tar.gz"
`;

/** Which programs are there that a strategy needs, and what keeps it from starting. */
export const CHECK = `${LOOK}
node=\${NODE:-node}
if command -v "$node" >/dev/null 2>&1; then echo "node $("$node" -p 'process.versions.node.split(".")[0]' 2>/dev/null)"; fi
for tool in tar gzip sed cut awk; do command -v "$tool" >/dev/null 2>&1 || echo "missing $tool"; done
if [ -f "releases/$RELEASE/digest" ]; then echo "digest $(cat "releases/$RELEASE/digest")"; fi
for folder in instances/*/; do
  name=$(basename "$folder")
  if is_instance "$name" && runs "$name"; then echo "ours $name"; fi
done
if [ -f proxy/supervisor ]; then read -r pid pid_since < proxy/supervisor; alive "$pid" "$pid_since" && echo "ours proxy"; fi
exit 0
`;

/** A port nobody listens at. */
export const FREE_PORT = `
"\${NODE:-node}" -e 'const s=require("net").createServer();s.listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'
`;

/**
 * Ends every instance but NAME, so that the port is free: `recreate`, and the way from there to a proxy. One that never
 * came into service holds the port too.
 */
export const END_OTHERS = `${LOOK}
if [ "$KEEP_PROXY" != yes ] && [ -f proxy/supervisor ]; then end_of proxy 2; rm -f proxy/supervisor; fi
for folder in instances/*/; do
  name=$(basename "$folder")
  [ "$name" != "$NAME" ] && is_instance "$name" && runs "$name" && end_of "instances/$name" "$STOP_S"
done
exit 0
`;

/** Starts the instance NAME, whose files are written; does nothing where it runs. */
export const START = `${LOOK}
if is_instance "$NAME" && runs "$NAME" && [ ! -e "instances/$NAME/stop" ]; then describe "$NAME"; exit 0; fi
cd "instances/$NAME" || exit 1
rm -f stop supervisor state
cp meta.new meta || exit 1
(cd "../../releases/$RELEASE/files" && pwd) | put workdir && [ -s workdir ] || exit 1
cd ../..
launch "$(pwd)/instances/$NAME"
wait_for "instances/$NAME/state" 200 || { echo "its supervisor did not start" >&2; exit 1; }
describe "$NAME"
`;

/** NAME takes the traffic: without a proxy that is only noted. */
export const SERVE = `${LOOK}
mkdir -p proxy
generation=$(($(cut -d' ' -f1 proxy/target 2>/dev/null || echo 0) + 1))
printf '%s %s 127.0.0.1 %s open 0\\n' "$generation" "$NAME" "$PORT" | put proxy/target || exit 1
ln -sfn "releases/$RELEASE" current
`;

/** The proxy runs and sends new requests to NAME; it has said so when this ends. */
export const SWITCH = `${LOOK}
mkdir -p proxy
generation=$(($(cut -d' ' -f1 proxy/target 2>/dev/null || echo 0) + 1))
printf '%s %s 127.0.0.1 %s open %s\\n' "$generation" "$NAME" "$PORT" "$DRAIN_MS" | put proxy/target || exit 1
started=no
if [ -f proxy/supervisor ] && read -r pid pid_since < proxy/supervisor && alive "$pid" "$pid_since"; then
  [ -f proxy/state ] && read -r pid pid_since rest < proxy/state && alive "$pid" "$pid_since" && kill -HUP "$pid"
else
  rm -f proxy/stop proxy/status proxy/supervisor proxy/state
  printf 'exec "%s" proxy.mjs . %s\\n' "\${NODE:-node}" "$PUBLIC_PORT" > proxy/command
  : > proxy/env
  printf '%s\\n' "$(cd proxy && pwd)" > proxy/workdir
  launch "$(pwd)/proxy"
  started=yes
fi
tries=0
while ! grep -qx "generation $generation" proxy/status 2>/dev/null; do
  tries=$((tries + 1))
  if [ "$tries" -gt 500 ]; then
    echo "the proxy at port $PUBLIC_PORT did not take it in" >&2; tail -n 3 proxy/log >&2; exit 1
  fi
  sleep 0.02
done
ln -sfn "releases/$RELEASE" current
echo "started $started"
`;

/** Waits until the proxy sends nothing to it any more, then ends it. */
export const RETIRE = `${LOOK}
name=$(named "$ID") || exit 0
[ "$(serving)" = "$name" ] && [ "$FORCE" != yes ] && { echo "$name takes the traffic" >&2; exit 1; }
tries=0
while grep -q "^draining $name " proxy/status 2>/dev/null; do
  tries=$((tries + 1)); [ "$tries" -gt $((DRAIN_S * 20)) ] && break
  sleep 0.05
done
end_of "instances/$name" "$STOP_S" || { echo "$name could not be ended" >&2; exit 1; }
`;

/** Removes release folders that are not in KEEP (names between spaces) and instances that have ended. */
export const PRUNE = `${LOOK}
serving_now=$(serving)
used=" $KEEP "
for folder in instances/*/; do
  name=$(basename "$folder")
  is_instance "$name" || continue
  if runs "$name" || [ "$name" = "$serving_now" ]; then
    used="$used$(cut -d' ' -f1 < "instances/$name/meta" | sed 's/^sha256://' | cut -c1-16) "
  else
    case " $KEEP_INSTANCES " in *" $name "*) ;; *) rm -rf "instances/$name" ;; esac
  fi
done
for folder in releases/*/; do
  [ -d "$folder" ] || continue
  name=$(basename "$folder")
  case "$used" in *" $name "*) ;; *) rm -rf "releases/$name"; echo "removed $name" ;; esac
done
rm -rf releases/.[0-9a-f]* 2>/dev/null
exit 0
`;

/** Ends everything of the service: proxy and instances. */
export const END_ALL = `${LOOK}
[ -f proxy/supervisor ] && end_of proxy 2
for folder in instances/*/; do
  name=$(basename "$folder")
  is_instance "$name" && end_of "instances/$name" "$STOP_S"
done
exit 0
`;
