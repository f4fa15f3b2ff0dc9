import { expect, test } from 'vitest'
import { tempFolder } from '../e2e/support/places.ts'
import { createSandbox, MODES } from './support/modes.ts'

const sandbox = createSandbox(tempFolder())

const TRIES = `#!/bin/sh
for folder in $(awk '$5 ~ "^/(sys|proc)/" { print $5 }' /proc/self/mountinfo | sort -u) /sys /proc; do
  [ -d "$folder" ] || continue
  if mkdir "$folder/xbuild-test-$$" 2>/dev/null; then
    rmdir "$folder/xbuild-test-$$"
    echo "writable: $folder"
  fi
done
for file in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /sys/fs/cgroup/pids/cgroup.procs; do
  if (: >> "$file") 2>/dev/null; then echo "writable: $file"; fi
done
echo tried: all
`

test.each(MODES)('a %s step writes nowhere below /sys and /proc', async (mode) => {
  const Dockerfile = 'FROM busybox\nCOPY tries.sh /\nRUN sh /tries.sh\n'
  const { code, stderr } = await sandbox.build(mode, { Dockerfile, 'tries.sh': TRIES })
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('tried: all')
  expect(stderr).not.toContain(' writable: ')
})
