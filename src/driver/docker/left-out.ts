/*
 * The build puts this in the place of `ssh2` and `@grpc/*`: dockerode loads them with itself, which takes four fifths
 * of its time, and
 * nothing here uses them. ssh:// goes through the user's own ssh, BuildKit's session through `driver/buildkit/`.
 */
export {}
