#!/bin/bash
# The inside of run-image.mjs: root of new user, mount and pid namespaces. Arguments: the command. Environment: see run-image.mjs.
set -euo pipefail

# Since Linux 6.7 a user namespace has its own binfmt_misc, empty at first; before that the machine's handlers must do
if [ -n "${HANDLER:-}" ] && mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2>/dev/null; then
  printf '%s' "$HANDLER" >/proc/sys/fs/binfmt_misc/register
fi

# In memory, on a folder that hides no layer: gone with the namespace
root=/mnt
case $LAYERS in /mnt/*) root=/tmp ;; esac
# With one id only there is nobody to give files to
OWNERS=(--same-owner)
[ "$(wc -l </proc/self/uid_map) $(awk '{ print $3 }' /proc/self/uid_map)" = '1 1' ] && OWNERS=(--no-same-owner)
mount -t tmpfs -o mode=755 image "$root"

# A layer that removes a file names it `.wh.FILE`, one that empties a folder has `.wh..wh..opq` in it (image-spec layer.md)
while IFS= read -r layer; do
  { tar -tf "$layer" | grep -E '(^|/)\.wh\.[^/]+$' || true; } | while IFS= read -r entry; do
    folder=$root/$(dirname "$entry") name=$(basename "$entry")
    if [ "$name" = .wh..wh..opq ]; then
      find "$folder" -mindepth 1 -delete
    else
      rm -rf "${folder:?}/${name#.wh.}"
    fi
  done
  tar -xf "$layer" -C "$root" --numeric-owner --exclude='.wh.*' "${OWNERS[@]}"
done <<<"$LAYERS"

mkdir -p "$root/proc" "$root/dev" "$root$RUN_DIR"
mount --rbind /proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done

# A user is NAME or ID, alone or with :GROUP; names are looked up in the image
id_of() { case $1 in *[!0-9]*) awk -F: -v name="$1" '$1 == name { print $3 }' "$root/etc/$2" ;; *) echo "$1" ;; esac; }
user=$(id_of "${RUN_USER%%:*}" passwd)
case $RUN_USER in
*:*) group=$(id_of "${RUN_USER#*:}" group) ;;
*) group=$(awk -F: -v id="$user" '$3 == id { print $4 }' "$root/etc/passwd" 2>/dev/null || true) ;;
esac

mapfile -t variables <<<"$RUN_ENV"
[ -n "$RUN_ENV" ] || variables=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
exec env -i "${variables[@]}" "$(command -v unshare)" --root="$root" --wd="$RUN_DIR" --setgid="${group:-0}" --setuid="${user:-0}" -- "$@"
