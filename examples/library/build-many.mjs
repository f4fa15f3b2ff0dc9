// Builds two images in one run: the second is made from the first, which its Dockerfile calls "base".
import { build } from 'xbuild'

const { images } = await build([
  { name: 'base', options: { context: '.' } },
  {
    name: 'app',
    options: { context: '.', file: 'app.Dockerfile', buildContexts: { base: { kind: 'target', image: 'base' } } },
  },
])
for (const { name, result, error } of images) console.log(name, error ? error.message : result.digest)
