package unilab;

import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * One HTTP server on one event loop; as many of them as threads share the port. A request is answered, and
 * its work done, on the event loop that owns its connection.
 */
public final class Service extends VerticleBase {

  private static final Set<Thread> EVENT_LOOPS = ConcurrentHashMap.newKeySet();

  private final String name;
  private final Settings settings;
  private final Consumer<Router> routes;

  private Service(String name, Settings settings, Consumer<Router> routes) {
    this.name = name;
    this.settings = settings;
    this.routes = routes;
  }

  /** Starts the service called {@code name}; {@code routes} adds what its workload answers. */
  public static void run(String name, Consumer<Router> routes) {
    // The JVM's own resolver: Netty's wants /etc/resolv.conf, which an instance need not have.
    System.setProperty("vertx.disableDnsResolver", "true");
    Settings settings = Settings.read();
    Vertx vertx = Vertx.vertx(options(settings.threads()));
    vertx
        .deployVerticle(
            () -> new Service(name, settings, routes),
            new DeploymentOptions().setInstances(settings.threads()))
        .onSuccess(
            id ->
                System.out.println(
                    name + ": port " + settings.port() + ", threads " + EVENT_LOOPS.size()))
        .onFailure(
            error -> {
              System.err.println(
                  "environment: key UNILAB_PORT: " + error.getMessage() + ". Remedy: give a free port.");
              System.exit(1);
            });
  }

  /** No cache on disk, and no warnings that a sort keeps its event loop: that is the thread model. */
  private static VertxOptions options(int threads) {
    return new VertxOptions()
        .setEventLoopPoolSize(threads)
        .setWorkerPoolSize(1)
        .setInternalBlockingPoolSize(1)
        .setBlockedThreadCheckInterval(1)
        .setBlockedThreadCheckIntervalUnit(TimeUnit.DAYS)
        .setMaxEventLoopExecuteTime(1)
        .setMaxEventLoopExecuteTimeUnit(TimeUnit.DAYS)
        .setFileSystemOptions(
            new FileSystemOptions().setFileCachingEnabled(false).setClassPathResolvingEnabled(false));
  }

  @Override
  public Future<?> start() {
    EVENT_LOOPS.add(Thread.currentThread());
    Router router = Router.router(vertx);
    router.route().handler(Service::refuseFinalSlash);
    routes.accept(router);
    router.get("/identity").handler(this::identify);
    router.errorHandler(404, context -> fail(context, 404, "not found"));
    router.errorHandler(405, Service::refuseMethod);
    return vertx.createHttpServer().requestHandler(router).listen(settings.port(), "0.0.0.0");
  }

  /** Answers with {@code json}, a JsonObject or JsonArray encoded to text now. */
  public static void answer(RoutingContext context, int status, String json) {
    Buffer body = Buffer.buffer(json);
    context
        .response()
        .setStatusCode(status)
        .putHeader("Content-Type", "application/json")
        .putHeader("Content-Length", Integer.toString(body.length()))
        .end(body);
  }

  /** Answers with an error in the contract's form. */
  public static void fail(RoutingContext context, int status, String problem) {
    answer(context, status, new JsonObject().put("error", problem).encode());
  }

  /** States the event loops that serve, not the number that was asked for. */
  private void identify(RoutingContext context) {
    JsonObject identity =
        new JsonObject()
            .put("service", name)
            .put("nonce", settings.nonce())
            .put("artifact", settings.artifact())
            .put("threads", EVENT_LOOPS.size());
    answer(context, 200, identity.encode());
  }

  private static void refuseMethod(RoutingContext context) {
    context.response().putHeader("Allow", "GET");
    fail(context, 405, "method not allowed");
  }

  /** Vert.x takes /todos/ for /todos; the contract does not. */
  private static void refuseFinalSlash(RoutingContext context) {
    if (context.request().path().endsWith("/")) {
      fail(context, 404, "not found");
    } else {
      context.next();
    }
  }
}
