/* Starts a Go service that is a shared library. The library is linked, not opened by dlopen: OSv sets aside room
 * for the library's thread-local variables, which Go reaches as if they were the program's own (initial-exec),
 * only for libraries that it loads together with the program. */

void GoMain(void);

int main(void)
{
    GoMain();
    return 0;
}
