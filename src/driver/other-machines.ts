// What a build needs when other machines take part, as one piece: a build that runs here alone never loads it
export { withTree } from './embedded/image-tree.ts'
export { openKeptImages } from './kept-images.ts'
export { pushedOrBrought, pushTargetFor } from './pushed.ts'
export { createRemoteBuilds } from './remote-builds.ts'
