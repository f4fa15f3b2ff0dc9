/* How the image looks users and groups up. */
#pragma once

/*
 * Whether that is in files only: the image's other modules are for its own CPU. The one of systemd may be named, since nothing changes
 * where it is not installed. Without /etc/nsswitch.conf that is so, too.
 */
int users_in_files(void);
