"""AWS: ECS on Fargate behind a load balancer in a private network, ECR, managed Prometheus, scheduled ECS tasks."""
