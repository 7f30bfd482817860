import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.ConfigKey;
import org.apache.kafka.common.utils.AppInfoParser;
import org.apache.kafka.metadata.authorizer.StandardAuthorizer;
import org.apache.kafka.server.log.remote.storage.RemoteLogManagerConfig;
import org.apache.kafka.storage.internals.log.LogConfig;

/** Prints what a Kafka release says about its properties, as JSON: run by kafka-properties.sh. */
public class KafkaProperties {
  public static void main(String[] args) throws Exception {
    Map<String, String> broker = properties(kafka.server.KafkaConfig.configDef().configKeys());
    // Read by the authorizer of KRaft, which defines them by name alone.
    broker.put(StandardAuthorizer.SUPER_USERS_CONFIG, "{ \"type\": \"string\" }");
    broker.put(StandardAuthorizer.ALLOW_EVERYONE_IF_NO_ACL_IS_FOUND_CONFIG, "{ \"type\": \"boolean\" }");
    broker.put(AbstractConfig.CONFIG_PROVIDERS_CONFIG, "{ \"type\": \"list\" }");
    System.out.println("{");
    System.out.printf("\"version\": %s,%n", text(AppInfoParser.getVersion()));
    System.out.printf("\"unmapped\": %s,%n", list(scala.jdk.javaapi.CollectionConverters.asJava(
        kafka.docker.Constants$.MODULE$.ExcludeServerPropsEnv())));
    System.out.printf("\"openPrefixes\": %s,%n", list(List.of(
        AbstractConfig.CONFIG_PROVIDERS_CONFIG + ".",
        RemoteLogManagerConfig.DEFAULT_REMOTE_LOG_METADATA_MANAGER_CONFIG_PREFIX,
        RemoteLogManagerConfig.DEFAULT_REMOTE_STORAGE_MANAGER_CONFIG_PREFIX)));
    System.out.printf("\"broker\": %s,%n", object(broker));
    System.out.printf("\"topic\": %s%n", object(properties(LogConfig.configKeys())));
    System.out.println("}");
  }

  /** Definition by name, without those that Kafka keeps for itself. */
  private static Map<String, String> properties(Map<String, ConfigKey> keys) throws Exception {
    Map<String, String> properties = new TreeMap<>();
    for (ConfigKey key : keys.values()) {
      if (!key.internalConfig) properties.put(key.name, definition(key));
    }
    return properties;
  }

  /** Type, and the limits that are numbers or names; those that are code stay with the broker. */
  private static String definition(ConfigKey key) throws Exception {
    StringJoiner fields = new StringJoiner(", ", "{ ", " }");
    fields.add("\"type\": " + text(key.type.name().toLowerCase(Locale.ROOT)));
    if (key.validator instanceof ConfigDef.Range range) {
      for (String end : List.of("min", "max")) {
        if (field(range, end) instanceof Number limit) fields.add("\"" + end + "\": " + limit);
      }
    }
    Object strings = key.validator instanceof ConfigDef.ValidList names ? field(names, "validString") : key.validator;
    if (strings instanceof ConfigDef.ValidString) {
      List<?> allowed = (List<?>) field(strings, "validStrings");
      if (!allowed.isEmpty()) fields.add("\"values\": " + list(allowed)); // empty: any text, in a list without duplicates
    }
    return fields.toString();
  }

  private static Object field(Object owner, String name) throws Exception {
    Field field = owner.getClass().getDeclaredField(name);
    field.setAccessible(true);
    return field.get(owner);
  }

  private static String object(Map<String, String> fields) {
    StringJoiner joined = new StringJoiner(",\n", "{\n", "\n}");
    fields.forEach((name, value) -> joined.add(text(name) + ": " + value));
    return joined.toString();
  }

  private static String list(Iterable<?> values) {
    List<String> texts = new ArrayList<>();
    values.forEach(value -> texts.add(text((String) value)));
    return new TreeSet<>(texts).toString();
  }

  private static String text(String value) {
    return '"' + value + '"';
  }
}
