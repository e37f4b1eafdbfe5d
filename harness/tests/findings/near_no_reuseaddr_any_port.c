/* harness/tests/findings/near_no_reuseaddr_any_port.c: a port that the kernel chooses is one that is free, and a path
 * is no port.
 *
 * Looks like: no-reuseaddr
 */
#include "prove.h"

int
main(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int listen_fd = listen_local(), unix_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name.sun_path, sizeof name.sun_path, "/tmp/fdlab-%d.sock", (int)getpid());
	bind(unix_fd, (struct sockaddr *)&name, sizeof name);
	listen(unix_fd, 8);
	close(unix_fd);
	unlink(name.sun_path);
	close(listen_fd);
	return 0;
}
