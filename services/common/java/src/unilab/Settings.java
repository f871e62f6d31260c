package unilab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the environment asks of a service (docs/services.md). A bad value ends the process with status 2. */
public record Settings(int port, int threads, String nonce, String artifact) {

  /** Reads everything but what only one workload knows. */
  static Settings read() {
    return new Settings(
        integer("UNILAB_PORT", 8080, 1, 65535),
        integer("UNILAB_THREADS", 1, 1, 64),
        readNonce(),
        readArtifact());
  }

  /** The whole number that the variable {@code name} holds, or {@code fallback} where it is not set. */
  public static int integer(String name, int fallback, int least, int most) {
    String text = System.getenv(name);
    if (text == null) {
      return fallback;
    }
    int number = text.matches("[0-9]{1,7}") ? Integer.parseInt(text) : -1;
    if (number < least || number > most) {
      refuse(name, text, "a whole number from " + least + " to " + most);
    }
    return number;
  }

  /** Held to letters that every language writes alike in JSON. */
  private static String readNonce() {
    String text = System.getenv().getOrDefault("UNILAB_NONCE", "");
    if (!text.matches("[A-Za-z0-9._~+/=-]{0,128}")) {
      refuse("UNILAB_NONCE", text, "at most 128 of A-Z a-z 0-9 . _ ~ + / = -");
    }
    return text;
  }

  /** The line that the image's builder left beside the service, or "". */
  private static String readArtifact() {
    String path = System.getenv().getOrDefault("UNILAB_ARTIFACT_FILE", "/etc/unilab/artifact");
    try {
      return Files.readString(Path.of(path)).strip();
    } catch (IOException missing) {
      return "";
    }
  }

  private static void refuse(String name, String text, String wanted) {
    System.err.println(
        "environment: key " + name + ": '" + text + "' is not valid. Remedy: give " + wanted + ".");
    System.exit(2);
  }
}
