/* The program, apart from main(): tests link it with another file table. */
#ifndef RBRUN_CLI_MAIN_H
#define RBRUN_CLI_MAIN_H

int rbrun_main(int argc, char **argv);

#endif
