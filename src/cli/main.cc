#include "cli/command.h"

int main(int argc, char** argv) { return fairlead::RunProgram(argc, argv); }
