/* trace/views/views.h: the commands of fdtrace that show a capture. Each takes its own arguments and returns the exit status. */
#ifndef FDT_VIEWS_H
#define FDT_VIEWS_H

int log_main(int argc, char **argv);
int json_main(int argc, char **argv);
int turns_main(int argc, char **argv);
int lanes_main(int argc, char **argv);
int map_main(int argc, char **argv);
int svg_main(int argc, char **argv);
int diff_main(int argc, char **argv);
int html_main(int argc, char **argv);
int perfetto_main(int argc, char **argv);
int follow_main(int argc, char **argv);
int check_main(int argc, char **argv);
int explain_main(int argc, char **argv);

#endif
