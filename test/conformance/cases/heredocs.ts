import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

export const HEREDOCS: readonly Case[] = [
  { name: 'heredoc-run', dockerfile: lines('FROM busybox', 'RUN <<EOF', 'echo a > /a', 'echo "$HOME" > /b', 'EOF') },
  { name: 'heredoc-run-quoted', dockerfile: lines('FROM busybox', 'ENV X=1', "RUN <<'EOF'", 'echo $X > /a', 'EOF') },
  { name: 'heredoc-run-shebang', dockerfile: lines('FROM busybox', 'RUN <<EOF', '#!/bin/ash -e', 'echo $0 > /a', 'EOF') },
  { name: 'heredoc-run-program', dockerfile: lines('FROM busybox', 'RUN sh -s <<EOF', 'echo piped > /a', 'EOF') },
  { name: 'heredoc-run-two', dockerfile: lines('FROM busybox', 'RUN cat <<A > /a && cat <<B > /b', 'one', 'A', 'two', 'B') },
  { name: 'heredoc-run-tabs', dockerfile: lines('FROM busybox', 'RUN <<-EOF', '\techo a > /a', '\t\techo b > /b', '\tEOF') },
  { name: 'heredoc-run-fd', dockerfile: lines('FROM busybox', 'RUN 3<<EOF cat <&3 > /a', 'three', 'EOF') },
  { name: 'heredoc-run-expands-by-shell', dockerfile: lines('FROM busybox', 'ARG V=value', 'RUN cat <<EOF > /a', '$V \\$V $(echo sub)', 'EOF', "RUN cat <<'EOF' > /b", '$V \\$V', 'EOF') },
  { name: 'heredoc-run-exit-code', dockerfile: lines('FROM busybox', 'RUN <<EOF', 'false', 'echo after > /a', 'EOF') },
  { name: 'heredoc-run-shell', dockerfile: lines('FROM busybox', 'SHELL ["/bin/sh", "-e", "-c"]', 'RUN <<EOF', 'echo 1 > /a', 'EOF') },
  { name: 'heredoc-copy', dockerfile: lines('FROM scratch', 'COPY <<EOF /a', 'text', 'more', 'EOF') },
  { name: 'heredoc-copy-into-folder', dockerfile: lines('FROM scratch', 'COPY <<one.txt <<two.txt /x/', '1', 'one.txt', '2', 'two.txt') },
  { name: 'heredoc-copy-expands', dockerfile: lines('FROM scratch', 'ENV A=1', 'COPY <<EOF /a', '$A "${A}" \\$A \'$A\' ${B:-d}', 'EOF', 'COPY <<"EOF" /b', '$A \\$A', 'EOF') },
  { name: 'heredoc-copy-chmod', dockerfile: lines('FROM busybox', 'COPY --chmod=755 --chown=node <<EOF /x/run.sh', '#!/bin/sh', 'EOF') },
  { name: 'heredoc-copy-with-file', dockerfile: lines('FROM scratch', 'COPY a <<b /x/', 'inline', 'b'), files: { a: 'a' } },
  { name: 'heredoc-copy-empty', dockerfile: lines('FROM scratch', 'COPY <<EOF /a', 'EOF') },
  { name: 'heredoc-copy-tabs', dockerfile: lines('FROM scratch', 'COPY <<-EOF /a', '\tone', '\t  two', '  \tthree', '\tEOF') },
  { name: 'heredoc-copy-overwrites', dockerfile: lines('FROM busybox', 'COPY <<EOF /etc/passwd', 'root:x:0:0::/:/bin/sh', 'EOF') },
  { name: 'heredoc-copy-comment-lines', dockerfile: lines('FROM scratch', 'COPY <<EOF /a', '# not a comment', '', 'FROM nothing', 'back \\', 'slash', 'EOF') },
  { name: 'heredoc-add', dockerfile: lines('FROM scratch', 'ADD <<EOF /a', 'text', 'EOF') },
  { name: 'heredoc-unterminated', dockerfile: lines('FROM scratch', 'COPY <<EOF /a', 'text'), fails: true },
  { name: 'heredoc-crlf', dockerfile: 'FROM busybox\r\nRUN <<EOF\r\necho a > /a\r\nEOF\r\nCOPY <<EOF /b\r\ntext\r\nEOF\r\n' },
  { name: 'heredoc-onbuild', dockerfile: lines('FROM busybox AS a', 'ONBUILD RUN <<EOF', 'echo a > /a', 'EOF', 'FROM a') },
]
