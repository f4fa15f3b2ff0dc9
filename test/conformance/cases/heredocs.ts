import type { Case } from '../support/case.ts'
import { lines } from './lines.ts'

export const HEREDOCS: readonly Case[] = [
  { name: 'heredoc-run', dockerfile: lines('FROM busybox', 'RUN <<EOF', 'echo a > /a', 'echo "$HOME" > /b', 'EOF') },
  { name: 'heredoc-run-quoted', dockerfile: lines('FROM busybox', 'ENV X=1', "RUN <<'EOF'", 'echo $X > /a', 'EOF') },
  {
    name: 'heredoc-run-shebang',
    dockerfile: lines('FROM busybox', 'RUN <<EOF', '#!/bin/ash -e', 'echo $0 > /a', 'EOF'),
  },
  { name: 'heredoc-run-program', dockerfile: lines('FROM busybox', 'RUN sh -s <<EOF', 'echo piped > /a', 'EOF') },
  {
    name: 'heredoc-run-two',
    dockerfile: lines('FROM busybox', 'RUN cat <<A > /a && cat <<B > /b', 'one', 'A', 'two', 'B'),
  },
  {
    name: 'heredoc-run-tabs',
    dockerfile: lines('FROM busybox', 'RUN <<-EOF', '\techo a > /a', '\t\techo b > /b', '\tEOF'),
  },
  { name: 'heredoc-run-fd', dockerfile: lines('FROM busybox', 'RUN 3<<EOF cat <&3 > /a', 'three', 'EOF') },
  {
    name: 'heredoc-run-expands-by-shell',
    dockerfile: lines(
      'FROM busybox',
      'ARG V=value',
      'RUN cat <<EOF > /a',
      '$V \\$V $(echo sub)',
      'EOF',
      "RUN cat <<'EOF' > /b",
      '$V \\$V',
      'EOF',
    ),
  },
  { name: 'heredoc-run-exit-code', dockerfile: lines('FROM busybox', 'RUN <<EOF', 'false', 'echo after > /a', 'EOF') },
  {
    name: 'heredoc-run-shell',
    dockerfile: lines('FROM busybox', 'SHELL ["/bin/sh", "-e", "-c"]', 'RUN <<EOF', 'echo 1 > /a', 'EOF'),
  },
  { name: 'heredoc-copy', dockerfile: lines('FROM scratch', 'COPY <<EOF /a', 'text', 'more', 'EOF') },
  {
    name: 'heredoc-copy-into-folder',
    dockerfile: lines('FROM scratch', 'COPY <<one.txt <<two.txt /x/', '1', 'one.txt', '2', 'two.txt'),
  },
  {
    name: 'heredoc-copy-expands',
    dockerfile: lines(
      'FROM scratch',
      'ENV A=1',
      'COPY <<EOF /a',
      '$A "${A}" \\$A \'$A\' ${B:-d}',
      'EOF',
      'COPY <<"EOF" /b',
      '$A \\$A',
      'EOF',
    ),
  },
  {
    name: 'heredoc-copy-chmod',
    dockerfile: lines('FROM busybox', 'COPY --chmod=755 --chown=node <<EOF /x/run.sh', '#!/bin/sh', 'EOF'),
  },
  {
    name: 'heredoc-copy-with-file',
    dockerfile: lines('FROM scratch', 'COPY a <<b /x/', 'inline', 'b'),
    files: { a: 'a' },
  },
  { name: 'heredoc-copy-empty', dockerfile: lines('FROM scratch', 'COPY <<EOF /a', 'EOF') },
  {
    name: 'heredoc-copy-tabs',
    dockerfile: lines('FROM scratch', 'COPY <<-EOF /a', '\tone', '\t  two', '  \tthree', '\tEOF'),
  },
  {
    name: 'heredoc-copy-overwrites',
    dockerfile: lines('FROM busybox', 'COPY <<EOF /etc/passwd', 'root:x:0:0::/:/bin/sh', 'EOF'),
  },
  {
    name: 'heredoc-copy-comment-lines',
    dockerfile: lines(
      'FROM scratch',
      'COPY <<EOF /a',
      '# not a comment',
      '',
      'FROM nothing',
      'back \\',
      'slash',
      'EOF',
    ),
  },
  { name: 'heredoc-add', dockerfile: lines('FROM scratch', 'ADD <<EOF /a', 'text', 'EOF') },
  { name: 'heredoc-unterminated', dockerfile: lines('FROM scratch', 'COPY <<EOF /a', 'text'), fails: true },
  {
    name: 'heredoc-crlf',
    dockerfile: 'FROM busybox\r\nRUN <<EOF\r\necho a > /a\r\nEOF\r\nCOPY <<EOF /b\r\ntext\r\nEOF\r\n',
  },
  { name: 'heredoc-in-json-is-text', dockerfile: lines('FROM busybox', 'RUN ["echo", "<<EOF"]') },
  { name: 'heredoc-double-less-in-shell', dockerfile: lines('FROM busybox', 'RUN echo $((1<<3)) > /x') },
  {
    name: 'heredoc-several-with-chmod',
    dockerfile: lines('FROM scratch', 'COPY --chmod=600 <<a <<-b /x/', '1', 'a', '\t2', '\tb'),
  },
  {
    name: 'heredoc-into-workdir',
    dockerfile: lines('FROM busybox', 'WORKDIR /w', 'COPY <<EOF rel', 'text', 'EOF', 'COPY <<EOF ./', 'text', 'EOF'),
  },
  {
    name: 'heredoc-after-command',
    dockerfile: lines('FROM busybox', 'RUN cat > /x <<EOF && echo done > /y', 'text', 'EOF'),
  },
  {
    name: 'heredoc-continued',
    dockerfile: lines('FROM busybox', 'RUN echo a > /a && \\', '  cat <<EOF > /b', 'text', 'EOF'),
  },
  {
    name: 'heredoc-with-backslashes',
    dockerfile: lines(
      'FROM scratch',
      'COPY <<EOF /a',
      'a\\b \\\\ c\\$d \\n',
      'EOF',
      "COPY <<'EOF' /b",
      'a\\b \\\\ c\\$d \\n',
      'EOF',
    ),
  },
  {
    name: 'heredoc-run-comments',
    dockerfile: lines('FROM busybox', 'RUN <<EOF', '# a comment', 'echo "a # b" > /x', '', '  # indented', 'EOF'),
  },
  {
    name: 'heredoc-run-history',
    dockerfile: lines(
      'FROM busybox',
      'ARG A=1',
      'RUN <<EOF',
      'echo "$A" > /x',
      "echo 'q' > /y",
      'EOF',
      'RUN sh <<"END" > /z',
      'echo $A',
      'END',
    ),
  },
  {
    name: 'heredoc-run-as-user',
    dockerfile: lines('FROM busybox', 'USER node', 'RUN <<EOF', '#!/bin/sh', 'id -u > /tmp/u', 'EOF'),
  },
  {
    name: 'heredoc-quoted-words',
    dockerfile: lines('FROM scratch', 'COPY <<"a" <<\'b\' <<c"d" /x/', '$1', 'a', '$2', 'b', '$3', 'cd'),
  },
  {
    name: 'heredoc-words-with-dots',
    dockerfile: lines('FROM scratch', 'COPY <<my-file.conf /etc/', 'x', 'my-file.conf'),
  },
  {
    name: 'heredoc-mode-under-scratch',
    dockerfile: lines('FROM scratch', 'COPY --chown=3:4 <<EOF /new/deep/f', 'x', 'EOF'),
  },
  { name: 'heredoc-onto-folder', dockerfile: lines('FROM busybox', 'COPY <<EOF /etc', 'x', 'EOF') },
  {
    name: 'heredoc-onto-link',
    dockerfile: lines(
      'FROM with-files',
      'RUN touch /target/file',
      'COPY <<EOF /to-file',
      'x',
      'EOF',
      'COPY <<EOF /to-folder',
      'y',
      'EOF',
    ),
  },
  {
    name: 'heredoc-add-chown',
    dockerfile: lines('FROM busybox', 'ADD --chown=node --chmod=640 <<EOF /x/y', 'x', 'EOF'),
  },
  {
    name: 'heredoc-onbuild',
    dockerfile: lines('FROM busybox AS a', 'ONBUILD RUN <<EOF', 'echo a > /a', 'EOF', 'FROM a'),
  },
]
