#include "main.h"

int main(int argc, char **argv)
{
    return rbrun_main(argc, argv);
}
