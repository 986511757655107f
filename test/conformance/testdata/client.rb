# Checks of Ruby's kubeclient. Each prints a line when it holds; the first that does not ends the program.

require 'kubeclient'

SPACE = 'ruby'
config = Kubeclient::Config.read(ARGV[0])
context = config.context
options = { ssl_options: context.ssl_options, auth_options: context.auth_options }
$core = Kubeclient::Client.new("#{context.api_endpoint}/api", 'v1', **options)
$apps = Kubeclient::Client.new("#{context.api_endpoint}/apis/apps", 'v1', **options)

def holds(condition, seen = nil)
  raise "does not hold: #{seen.inspect}" unless condition
end

def refused(code)
  yield
rescue Kubeclient::HttpError => error
  holds(error.error_code == code, error)
  error.message
else
  raise 'the call should have been refused'
end

def resource(fields)
  Kubeclient::Resource.new(fields)
end

def deadline(watcher)
  found = nil
  watcher.each do |notice|
    found = notice if yield notice
    break if found
  end
  watcher.finish
  holds(!found.nil?)
  found
end

def namespaces
  made = $core.create_namespace(resource(metadata: { name: SPACE }))
  holds(made.status.phase == 'Active', made)
  watcher = $core.watch_entities('serviceaccounts', namespace: SPACE)
  deadline(watcher) { |notice| notice.object.metadata.name == 'default' }
end

def config_maps
  metadata = { name: 'settings', namespace: SPACE, labels: { a: 'b' } }
  made = $core.create_config_map(resource(metadata: metadata, data: { colour: 'blue' }))
  holds(made.data.colour == 'blue', made)
  made.data.colour = 'red'
  made = $core.update_config_map(made)
  holds(made.data.colour == 'red', made)
  made = $core.patch_config_map('settings', { data: { size: '1' } }, SPACE)
  holds(made.data.to_h == { colour: 'red', size: '1' }, made)
  made = $core.json_patch_config_map('settings', [{ op: 'remove', path: '/data/colour' }], SPACE)
  holds(made.data.to_h == { size: '1' }, made)
  made = $core.merge_patch_config_map('settings', { data: { size: nil, one: '1' } }, SPACE)
  holds(made.data.to_h == { one: '1' }, made)
  # Of a resource this version makes a text in quotes.
  made = $core.apply_config_map(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied', namespace: SPACE }, data: { x: 'y' } },
    field_manager: 'ruby'
  )
  holds(made.data.x == 'y', made)
  found = $core.get_config_maps(namespace: SPACE, label_selector: 'a=b')
  holds(found.map { |each| each.metadata.name } == ['settings'], found)
  holds(found.kind == 'ConfigMap' && found.resourceVersion.to_i.positive?, [found.kind, found.resourceVersion])
  message = refused(404) { $core.get_config_map('none', SPACE) }
  holds(message == 'configmaps "none" not found', message)
  wrong = resource(metadata: { name: 'Wrong Name', namespace: SPACE })
  message = refused(422) { $core.create_config_map(wrong) }
  holds(message.include?('ConfigMap "Wrong Name" is invalid'), message)
end

def pages
  7.times do |number|
    metadata = { name: "page-#{number}", namespace: SPACE, labels: { pages: 'yes' } }
    $core.create_config_map(resource(metadata: metadata))
  end
  names = []
  token = nil
  loop do
    page = $core.get_config_maps(namespace: SPACE, label_selector: 'pages', limit: 3, continue: token)
    names += page.map { |each| each.metadata.name }
    token = page.continue
    break if page.last?
  end
  holds(names == (0..6).map { |number| "page-#{number}" }, names)
end

def pods
  command = "echo hello; trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done"
  $core.create_pod(
    resource(
      metadata: { name: 'one', namespace: SPACE },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'main', image: 'host', command: ['sh', '-c', command] }]
      }
    )
  )
  watcher = $core.watch_pods(namespace: SPACE, field_selector: 'metadata.name=one')
  notice = deadline(watcher) { |each| each.object.status.phase == 'Running' }
  holds(%w[ADDED MODIFIED].include?(notice.type), notice.type)
end

def logs
  holds($core.get_pod_log('one', SPACE).to_s == "hello\n")
  lines = []
  watcher = $core.watch_pod_log('one', SPACE)
  watcher.each do |line|
    lines << line
    break
  end
  watcher.finish
  holds(lines == ['hello'], lines)
end

def watches_from_a_version
  version = $core.get_config_maps(namespace: SPACE).resourceVersion
  $core.create_config_map(resource(metadata: { name: 'seen', namespace: SPACE }))
  $core.delete_config_map('seen', SPACE)
  types = []
  watcher = $core.watch_config_maps(namespace: SPACE, resource_version: version)
  watcher.each do |notice|
    types << notice.type
    break if types.length == 2
  end
  watcher.finish
  holds(types == %w[ADDED DELETED], types)
end

def deployments
  $apps.create_deployment(
    resource(
      metadata: { name: 'web', namespace: SPACE },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            terminationGracePeriodSeconds: 0,
            containers: [{ name: 'main', image: 'host', command: %w[sleep 1000] }]
          }
        }
      }
    )
  )
  deadline($apps.watch_deployments(namespace: SPACE)) { |notice| notice.object.status.availableReplicas == 1 }
  gone = $apps.delete_deployment('web', SPACE, delete_options: resource(propagationPolicy: 'Foreground'))
  holds(%w[Deployment Status].include?(gone.kind), gone)
end

def discovery
  kinds = $core.all_entities(namespace: SPACE)
  holds(kinds['config_map'].map { |each| each.metadata.name }.include?('settings'), kinds.keys)
  holds($core.api_valid?)
end

def ends
  $core.delete_pod('one', SPACE, delete_options: resource(gracePeriodSeconds: 0))
  $core.delete_namespace(SPACE)
  watcher = $core.watch_namespaces(field_selector: "metadata.name=#{SPACE}")
  deadline(watcher) { |notice| notice.type == 'DELETED' }
end

%i[namespaces config_maps pages pods logs watches_from_a_version deployments discovery ends].each do |check|
  send(check)
  puts check.to_s.tr('_', ' ')
  $stdout.flush
end
